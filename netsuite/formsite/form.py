"""A form: its fields, what may be answered in each, and what is wrong with an answer.

A form is ours (the tutorial's) or a TOML file's: ``title``, ``intro``, ``submit``, ``thanks``, ``lang`` and a
``[[field]]`` for each field with ``name``, ``label``, ``kind``, ``options``, ``required`` and limits.  What a
browser would check is checked here again, for nobody has to use one.  Fields that a form doesn't have are no
fault: they are kept like the others, because a page of one's own may ask for more.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from datetime import date, time
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from netsuite.formsite.entry import Fields, grouped
from netsuite.site.tongue import Said, said

#: Longest TOML file of a form, in bytes, and most fields and options in it.
FILE_MAX, FIELDS_MAX, OPTIONS_MAX = 256 * 1024, 200, 500

#: Longest answers, in characters, where a form says nothing.
LINE_MAX, TEXT_MAX = 1000, 20_000

#: Kinds whose answers are chosen among options, and those that may have several answers.
CHOSEN, SEVERAL = ("radio", "select", "checkbox", "multiple"), ("checkbox", "multiple", "file")

Kind = Literal[
    "text",
    "textarea",
    "email",
    "url",
    "tel",
    "number",
    "date",
    "time",
    "radio",
    "select",
    "checkbox",
    "multiple",
    "consent",
    "file",
]

#: What a consent is answered with.
YES = "yes"

#: An address as browsers take it (HTML Standard §4.10.5.1.5).
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One field.  ``options``: values, or pairs of value and label; ``min``, ``max``: of numbers, dates."""

    name: str
    label: str = ""
    kind: Kind = "text"
    options: tuple[str | tuple[str, str], ...] = ()
    required: bool = False
    min_length: int = 0
    max_length: int = 0
    min: str | int | float = ""
    max: str | int | float = ""
    hint: str = ""
    autocomplete: str = ""

    @property
    def shown(self) -> str:
        """What the field is called in a page."""
        return self.label or self.name

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The options as pairs of value and label."""
        return [(one, one) if isinstance(one, str) else one for one in self.options]

    @property
    def longest(self) -> int:
        """How many characters an answer may have."""
        return self.max_length or (TEXT_MAX if self.kind == "textarea" else LINE_MAX)

    @property
    def is_group(self) -> bool:
        """Whether its inputs are several, under one legend."""
        return self.kind in ("radio", "checkbox")


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"fields": "field"}):
    """A form.  ``thanks``: what who sent it is told; ``lang``: the language of its texts."""

    title: str
    fields: tuple[Field, ...]
    intro: str = ""
    submit: str = ""
    thanks: str = ""
    lang: str = "en"

    @property
    def has_files(self) -> bool:
        """Whether it is sent as multipart."""
        return any(field.kind == "file" for field in self.fields)

    def field(self, name: str) -> Field | None:
        """The field of this name."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def address(self) -> Field | None:
        """The field in which whoever answers gives a mail address."""
        return next((field for field in self.fields if field.kind == "email"), None)


#: The tutorial's form.
TUTORIAL = Form(
    title="Form Test",
    fields=(
        Field("name", "Your Name:", autocomplete="name"),
        Field(
            "color",
            "What's your favorite color?",
            "radio",
            (("red", "Red"), ("blue", "Blue"), ("green", "Green")),
        ),
        Field(
            "flavor",
            "What kinds of ice cream do you like?",
            "checkbox",
            (
                ("vanilla", "Vanilla"),
                ("chocolate", "Chocolate"),
                ("strawberry", "Strawberry"),
                ("coffee", "Coffee"),
            ),
        ),
    ),
    submit="Submit",
)


def read(path: str) -> Form:
    """The form of a TOML file.  Raises: ValueError that names the fault, OSError."""
    with open(path, "rb") as file:
        text = file.read(FILE_MAX + 1)
    if len(text) > FILE_MAX:
        raise ValueError(f"{path} is longer than {FILE_MAX} bytes")
    try:
        form = msgspec.convert(tomllib.loads(text.decode("utf-8")), Form)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from None
    for fault in _faults(form):
        raise ValueError(f"{path}: {fault}")
    return form


def _faults(form: Form) -> list[str]:
    names = [field.name for field in form.fields]
    faults = []
    if not 1 <= len(names) <= FIELDS_MAX:
        faults.append(f"a form has 1 to {FIELDS_MAX} fields")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}", form.lang):
        faults.append(f"lang: {form.lang[:40]!r} is no language tag; write en or pt-BR")
    for field in form.fields:
        place = f"field {field.name[:60]!r}"
        if not _NAME.fullmatch(field.name) or field.name.startswith("_"):
            faults.append(f"{place}: a name has 1 to 200 characters and doesn't begin with _")
        if names.count(field.name) > 1:
            faults.append(f"{place} is there twice")
        if bool(field.options) != (field.kind in CHOSEN) or len(field.options) > OPTIONS_MAX:
            faults.append(f"{place}: {', '.join(CHOSEN)} have 1 to {OPTIONS_MAX} options, others none")
        faults += [
            f"{place}: {bound!r} is no limit for a {field.kind}"
            for bound in (field.min, field.max)
            if bound != "" and _value(field.kind)(str(bound)) is None
        ]
    return faults


def check(form: Form, fields: Fields, files: Fields = ()) -> dict[str, Said]:
    """What is wrong, by the name of the field; nothing if all may be kept.  ``files``: fields and names."""
    values = dict(grouped((*fields, *((name, file) for name, file in files if file))))
    found = {field.name: _check(field, values.get(field.name, [])) for field in form.fields}
    return {name: fault for name, fault in found.items() if fault is not None}


def _check(field: Field, values: list[str]) -> Said | None:
    given = [value for value in values if value.strip()]
    if not given:
        return said("fault.required") if field.required else None
    if field.kind not in SEVERAL and len(values) > 1:
        return said("fault.one")
    for value in given:
        fault = _check_value(field, value)
        if fault is not None:
            return fault
    return None


def _check_value(field: Field, value: str) -> Said | None:
    if field.kind in CHOSEN:
        return None if value in dict(field.choices) else said("fault.option")
    if field.kind == "file":
        return None
    if field.kind == "consent":
        return None if value == YES else said("fault.option")
    if len(value) > field.longest:
        return said("fault.long", n=field.longest)
    if len(value) < field.min_length:
        return said("fault.short", n=field.min_length)
    read_value = _value(field.kind)
    read_as = read_value(value)
    if read_as is None:
        return _NO_SUCH[field.kind]
    if field.min != "" and read_as < read_value(str(field.min)):  # type: ignore[operator]  # of one kind
        return said("fault.least", least=str(field.min))
    if field.max != "" and read_as > read_value(str(field.max)):  # type: ignore[operator]
        return said("fault.most", most=str(field.max))
    return None


_NO_SUCH = {
    "email": said("fault.email"),
    "url": said("fault.url"),
    "number": said("fault.number"),
    "date": said("fault.date"),
    "time": said("fault.time"),
}

_Read = Callable[[str], object]


def is_mail_address(text: str) -> bool:
    """Whether a text is an address that mail can be sent to."""
    return _EMAIL.fullmatch(text) is not None


def _value(kind: str) -> _Read:
    """What reads an answer of a kind: None for one that is none; others can be compared."""
    return _READS.get(kind, lambda text: text)


def _number(text: str) -> float | None:
    try:
        number = float(text) if len(text) < 40 and "_" not in text else math.inf
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text) if re.fullmatch(r"\d\d:\d\d(:\d\d)?", text) else None
    except ValueError:
        return None


def _url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme and (parts.netloc or parts.path) and " " not in text else None


_READS: dict[str, _Read] = {
    "email": lambda text: text if _EMAIL.fullmatch(text) else None,
    "url": _url,
    "number": _number,
    "date": _date,
    "time": _time,
}

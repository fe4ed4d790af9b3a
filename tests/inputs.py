"""Fuzz in process of all that reads what strangers wrote: heads, chunks, forms, lists, recordings, pages.

Each target has seeds, tokens of its grammar and an invariant: nothing is raised but what is declared, what
is read is the same however the bytes were cut, what was written reads back, and no input takes long.

    python -m tests.inputs [--seconds 60 | --runs 20000] [--seed 7] [TARGET...]
    python -m tests.inputs --run head:7.1234

A run that fails has a name, by which it is run again; its bytes become a case of the unit tests.  A push
tries a cut (``tests/test_inputs.py``), ``make nightly`` a minute, ``make endurance`` an hour of each.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

from twisted.names import dns

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import parse_request, parse_response
from netsuite.http1.target import authority, request_target
from netsuite.names import ResolverFailed
from netsuite.resolving.answer import Asked, followed
from netsuite.site.answer import FORM, Refusal
from netsuite.site.posted import Bounds, read
from netsuite.tablefile import Table
from netsuite.wordproxy.bring import har, known, warc
from netsuite.words.charset import decode
from netsuite.words.skipped import Skip
from tests.http1.corpus import ANSWERS, REFUSED, REFUSED_ANSWERS, REQUESTS
from tests.http1.test_invariants import body_of, head_of, pieces
from tests.real.parts import HANDBOOK
from tests.wordproxy.bring import recordings
from tests.words.test_bad_input import CODINGS, PAGE, reason

#: Longest input, and the processor seconds that none may take: many times what an honest one does.
INPUT_MAX, SECONDS_MAX = 64 * 1024, 10.0

BOUNDARY = "----b"


class Fault(AssertionError):  # noqa: N818 - what was found
    """A run found something; the text names it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads bytes.  ``check`` raises if an invariant doesn't hold."""

    check: Callable[[Random, bytes], object]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes]


def _equal(one: object, other: object) -> None:
    if one != other:
        raise AssertionError(f"{one!r} is not {other!r}")


def _cut(rng: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces, perhaps single ones."""
    if len(data) < 200 and rng.random() < 0.1:
        return [data[at : at + 1] for at in range(len(data))]
    return pieces(data, [rng.random() for _ in range(rng.randrange(5))])


def _head(parse: Callable[..., object], rng: Random, data: bytes) -> None:
    _equal(head_of(parse, [data]), head_of(parse, _cut(rng, data)))  # type: ignore[arg-type]


def _chunks(rng: Random, data: bytes) -> None:
    whole = body_of([data])
    parts = body_of(_cut(rng, data))
    _equal(whole, parts)


def _target(rng: Random, data: bytes) -> None:
    for parse in (functools.partial(request_target, rng.choice((b"GET", b"CONNECT", b"OPTIONS"))), authority):
        try:
            found = parse(data)
        except BadMessage:
            continue
        if found is not None:
            again = authority(found.authority if b":" in found.authority else found.authority + b":1")
            _equal(again.host, found.host)


def _posted(kind: str, _rng: Random, data: bytes) -> None:
    try:
        found = read(kind, data, Bounds())
    except Refusal:
        return
    for name, value in found.fields:
        (name + value).encode()  # what is no text would raise


def _list(rng: Random, data: bytes) -> None:
    try:
        found = known.parse(data, "en", rng.choice(("a.txt", "a.csv", "a.tsv")))
    except known.ListFault:
        return
    keys = [word.key for word in found.words]
    _equal(len(keys), len(set(keys)))


def _har(_rng: Random, data: bytes) -> None:
    try:
        records = list(har.records(recordings.file(data), recordings.RULES, recordings.WHEN))
    except har.HarFault:
        return
    _equal([record.number for record in records], list(range(1, len(records) + 1)))


def _warc(_rng: Random, data: bytes) -> None:
    try:
        records = list(warc.records(recordings.file(data), recordings.RULES, recordings.WHEN))
    except warc.WarcFault:
        return
    numbers = [record.number for record in records]
    _equal(numbers, sorted(set(numbers)))


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="netsuite-inputs-")


def _toml(_rng: Random, data: bytes) -> None:
    path = Path(_folder().name) / "netsuite.toml"
    path.write_bytes(data)
    try:
        table = Table(str(path), "proxy")
    except ValueError:
        return
    for name in table.values:
        table.line(name)


def _charset(rng: Random, data: bytes) -> None:
    label = rng.choice(
        (None, "utf-8", "shift_jis", "gb18030", "big5", "euc-kr", "iso-2022-jp", "utf-16", "koi8-r")
    )
    try:
        text = decode(data, label)
    except Skip:
        return
    if isinstance(text, str):
        text.encode("utf-8", "surrogatepass")


def _html(rng: Random, data: bytes) -> None:
    kind = rng.choice(("text/html", "text/html", "text/plain", "application/xhtml+xml"))
    coding = rng.choice(("", "", "", *CODINGS))
    reason(data, rng.choice((None, "utf-8", "windows-1252")), coding, kind)
    if coding:
        reason(CODINGS[coding](data), None, coding, kind)


def _dns(_rng: Random, data: bytes) -> None:
    asked = Asked(b"a.test", dns.A)
    message = asked.read(asked.message()[:2] + data)
    if message is not None:
        try:
            followed(message, b"a.test", dns.A)
        except ResolverFailed:
            return


def _pages() -> list[bytes]:
    """Real pages, of Debian's handbook where it is here, and small ones."""
    real = [path.read_bytes()[:INPUT_MAX] for path in sorted((HANDBOOK / "en-US").glob("*.html"))[:40]]
    return [
        PAGE,
        recordings.HTML.encode(),
        b"<p lang=th>" + "ภาษาไทย".encode() + "我们使用中文。".encode(),
        *real,
    ]


@functools.cache
def targets() -> dict[str, Target]:
    """All of them, by name."""
    requests = [*REQUESTS.values(), *(data for _, data in REFUSED.values())]
    answers = [*ANSWERS.values(), *REFUSED_ANSWERS.values()]
    fields = (
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b" ",
        b"\t",
        b"\0",
        b"\x0b",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
    )
    disposition = 'Content-Disposition: form-data; name="a"; filename="b"'
    part = f"--{BOUNDARY}\r\n{disposition}\r\n\r\nc\r\n--{BOUNDARY}--\r\n"
    recorded = recordings.har(recordings.entry(), recordings.entry("http://b.example/"))
    archived = recordings.warc_record(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + recordings.HTML.encode()
    )
    settings = b'[proxy]\nport = 8001\nallow-client = [\n  "10.0.0.0/8",\n]\n[wordproxy]\nstore = "w.db"\n'
    reply = bytes.fromhex(
        "8180000100010000000001610474657374000001000101610474657374000001000100000e100004c0000207"
    )
    tags = (
        b"<p>",
        b"</p>",
        b"<!--",
        b"-->",
        b"<b>",
        b"<table>",
        b"<svg>",
        b"<![CDATA[",
        b"&#xD800;",
        b"&",
        b"<meta charset=",
        b"lang=",
        b" hidden",
        b"\0",
        "é中".encode(),
    )
    return {
        "head": Target(functools.partial(_head, parse_request), requests, fields),
        "answer": Target(functools.partial(_head, parse_response), answers, fields),
        "chunks": Target(
            _chunks,
            [b"5\r\nhello\r\n0\r\n\r\n", b'5;a=b;c="d"\r\nhello\r\n0\r\nA: b\r\n\r\n'],
            (b"\r\n", b"0", b";", b"f" * 17, b"\n", b'"'),
        ),
        "target": Target(
            _target,
            [b"http://u@a.example:80/b?c#d", b"[2001:db8::1]:443", b"a.example:8080", b"*"],
            (b"@", b"%41", b"::", b"[", b"]", b"//", b"\\", b"0x7f.1"),
        ),
        "multipart": Target(
            functools.partial(_posted, f"multipart/form-data; boundary={BOUNDARY}"),
            [part.encode()],
            (f"--{BOUNDARY}".encode(), b"\r\n", b'name="', b"_charset_", b"--", b"\0"),
        ),
        "form": Target(
            functools.partial(_posted, FORM),
            [b"a=b&c=%C3%A9&_charset_=gbk&a=+"],
            (b"&", b"=", b"%", b"%zz", b"+", b"\xff", b"_charset_=utf-16"),
        ),
        "csv": Target(
            _list,
            [b"word,level\ntide,known\n", b"#separator:tab\n#columns:a\tb\ntide\tx\n", b"tide\nboat\n"],
            (b'"', b"\n", b"\r", b",", b"\t", b"#", b"word", "\ufeff".encode()),
        ),
        "har": Target(
            _har,
            [recorded],
            (b'"', b"{", b"}", b"[", b"]", b"\\", b'"entries":', b"null", b"1e999", b"\\ud800"),
        ),
        "warc": Target(
            _warc,
            [archived * 2, gzip.compress(archived) * 2],
            (b"WARC/1.0\r\n", b"\r\n", b"Content-Length: ", b"\x1f\x8b\x08", b"-1", b"9" * 30),
        ),
        "toml": Target(
            _toml,
            [settings, b"[proxy]\na = " + b"[" * 2000],
            (b"[", b"[" * 999, b"]", b"=", b'"""', b"'", b"#", b"\n", b"proxy", b"\\u0000", b"\xff", b"{"),
        ),
        "charset": Target(
            _charset,
            [PAGE, "é中文кириллица".encode(), "日本語".encode("shift_jis"), "中文".encode("utf-16")],
            (b"\x1b$B", b"\xff\xfe", b"\x80", b"<meta charset=gbk>", b"<?xml encoding="),
        ),
        "html": Target(_html, _pages(), tags),
        "dns": Target(_dns, [reply], (b"\xc0\x0c", b"\xc0\x00", b"\x3f", b"\0", b"\xff\xff")),
    }


def made(rng: Random, target: Target) -> bytes:
    """A seed of the target with some changes that follow no grammar."""
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 8, 60)))
        how = rng.randrange(8)
        if how == 0:
            data[at:end] = rng.randbytes(rng.choice((1, 1, 2, 5)))
        elif how in (1, 2):
            data[at:at] = rng.choice(target.tokens)
        elif how == 3:
            del data[at:end]
        elif how == 4:
            data[at:at] = data[at:end] * rng.choice((1, 2, 40, 400))
        elif how == 5 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 6:
            other = rng.choice(target.seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        else:
            del data[at:]
    return bytes(data[:INPUT_MAX])


def one(name: str, target: Target, seed: str) -> None:
    """An input was read.  Raises: Fault, which names it."""
    rng = Random(f"{name}:{seed}")
    data = made(rng, target)
    began = time.process_time()
    try:
        target.check(rng, data)
    except Exception as error:
        raise Fault(f"{name}:{seed}: {type(error).__name__}: {error}; {data[:300]!r}") from error
    if (took := time.process_time() - began) > SECONDS_MAX:
        raise Fault(f"{name}:{seed}: took {took:.1f} s for {len(data)} bytes; {data[:300]!r}")


def many(
    name: str, target: Target, seed: int, *, runs: int = sys.maxsize, seconds: float = float("inf")
) -> int:
    """Return how many inputs were read.  Raises: Fault."""
    end, done = time.monotonic() + seconds, 0
    while done < runs and (done % 16 or time.monotonic() < end):
        one(name, target, f"{seed}.{done}")
        done += 1
    return done


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fuzz in process what reads strangers' bytes.")
    parser.add_argument("targets", nargs="*", help="which (all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each")
    parser.add_argument("--runs", type=int, default=sys.maxsize, help="at most, of each")
    parser.add_argument("--seed", type=int, default=None, help="a number; a new one each time")
    parser.add_argument("--run", help="one input again, by the name it failed under")
    told = parser.parse_args()
    there = targets()
    if told.run:
        name, _, seed = told.run.partition(":")
        one(name, there[name], seed)
        return
    seed = SystemRandom().getrandbits(32) if told.seed is None else told.seed
    for name in told.targets or there:
        done = many(name, there[name], seed, runs=told.runs, seconds=told.seconds)
        sys.stdout.write(f"{name}: {done} inputs of seed {seed}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

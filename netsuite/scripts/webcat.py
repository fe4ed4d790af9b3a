"""webcat: what a URL gives, on standard output; a failure is one, also where the server sends a page with it.

Nothing is written before the status is known, and with ``--check-first`` nothing before the whole page is
there.  A 401 at a terminal asks for name and password and tries once more.
"""

from __future__ import annotations

import base64
import re
import sys
from typing import Any, ClassVar

from twisted.python import usage

from netsuite.client.agent import Answer, Request
from netsuite.client.content import Content, File, Form, Part, Plain
from netsuite.client.pretty import kind_of, pretty, read_text, text_of
from netsuite.client.redirects import STATUSES
from netsuite.client.spool import Spool, Whole
from netsuite.client.url import Url
from netsuite.http1.grammar import TOKEN
from netsuite.journal import escaped
from netsuite.manual.kind import FIELD, FILE, METHOD, TEXT, URL, Kind
from netsuite.outcome import Outcome
from netsuite.reactor import prefer
from netsuite.scripts.running import complain, start
from netsuite.scripts.stdout import Stdout, harmless
from netsuite.scripts.web import WebOptions

#: Bytes that are read from standard input as a request's content.
STDIN_MAX = 64 * 1024 * 1024

_TOKEN = re.compile(TOKEN)
_FORM = b"application/x-www-form-urlencoded"


class Options(WebOptions):
    """The command line of webcat."""

    tool = "webcat"
    total = "3600"
    synopsis = "Usage: webcat [options] URL"
    longdesc = (
        "Print what a URL gives.  Exit status: 0 the whole page was written, 10 the server said 400 or more"
        " (11: it wants a name and password, 15: it will not serve us now), 2 usage, 4 name not found,"
        " 5 refused, 6 time limit, 7 no route, 8 TLS, 9 cut short, 12 a local file, 14 a bound of ours."
    )
    examples = """Examples:
  webcat http://localhost:8000/test
  webcat -u me --password-file secret https://example.org/private
  webcat --json-body '{"a": 1}' -i http://localhost:8000/
  webcat -F name=me -F picture=@me.png http://localhost:8000/upload
  webcat -j http://localhost:8000/none; echo $?
      one object, exit status 10
  webcat --check-first http://localhost:8000/ | wc -w
      all of the page or nothing"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["method", "X", None, "Method (GET; POST with content)."],
        ["json-body", None, None, "JSON to send, or @FILE."],
        ["output", "o", None, "File to write the body to, whole or not at all."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["head", "I", "Ask for the head only (HEAD), and print it."],
        ["include", "i", "Print the answer's head before its body."],
        ["spool", None, "Print nothing before the whole page is in a temporary file."],
        [
            "check-first",
            None,
            "Print nothing before the whole page is there, in memory up to 8 MiB.",
        ],
        ["raw", None, "Print the body as it was sent, without undoing its content coding."],
        ["show-error-body", None, "Print the page that came with a failure, too."],
        ["text", None, "Print the text of an HTML page."],
        ["pretty", None, "On a terminal, lay out and colour."],
        ["tls-info", None, "Tell the server's certificate on standard error."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "method": METHOD,
        "json-body": TEXT,
        "output": FILE,
        "data": TEXT,
        "form": FIELD,
    }
    operands = (URL,)

    def __init__(self) -> None:
        super().__init__()
        self.data: list[str] = []
        self.form: list[str] = []
        self.asked: Url | None = None
        self.verb = b"GET"

    def opt_data(self, data: str) -> None:
        """Content to send, or @FILE (@- is standard input); several are joined by '&'. (repeat)"""
        self.data.append(data)

    def opt_form(self, field: str) -> None:
        """Field of a form, NAME=VALUE, or NAME=@FILE for a file's content. (repeat)"""
        self.form.append(field)

    opt_d, opt_F = opt_data, opt_form

    def parseArgs(self, *urls: str) -> None:
        """Take the URL."""
        if not urls:
            raise usage.UsageError("Usage: webcat.py <URL>")
        if len(urls) > 1:
            raise usage.UsageError("give one URL")
        self.asked = self.url(urls[0])
        self.target = {"url": self.asked.text}

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if sum(map(bool, (self.data, self.form, self["json-body"] is not None))) > 1:
            raise usage.UsageError("-d, -F and --json-body exclude each other")
        for one, other in (("spool", "check-first"), ("text", "raw"), ("pretty", "raw"), ("text", "pretty")):
            if self[one] and self[other]:
                raise usage.UsageError(f"--{one} and --{other} exclude each other")
        if self["head"] and (self.data or self.form or self["json-body"] is not None or self["method"]):
            raise usage.UsageError("-I is a method of its own, without content")
        for field in self.form:
            if "=" not in field[1:]:
                raise usage.UsageError("-F: write NAME=VALUE or NAME=@FILE")
        method = self["method"]
        self.verb = b"HEAD" if self["head"] else self._verb(method) if method else self._usual()

    def _usual(self) -> bytes:
        return b"POST" if self.data or self.form or self["json-body"] is not None else b"GET"

    @staticmethod
    def _verb(method: str) -> bytes:
        verb = method.encode("utf-8", "replace")
        if not _TOKEN.fullmatch(verb) or verb == b"CONNECT":
            raise usage.UsageError("-X: this is no method to ask with")
        return verb

    def content(self) -> Content | None:
        """Return what goes with the request.  Raises: OSError."""
        if self["json-body"] is not None:
            return _given(self["json-body"], b"application/json")
        if self.form:
            return Form([_part(field) for field in self.form])
        if len(self.data) == 1:
            return _given(self.data[0], _FORM)
        if self.data:
            return Plain(b"&".join(b"".join(_given(each, _FORM).pieces()) for each in self.data), _FORM)
        return None

    def take_reactor(self) -> Any:
        """Return the reactor with a short way to our connections."""
        prefer()
        return super().take_reactor()


def _given(text: str, kind: bytes) -> Content:
    """Return content that was given on the command line, or a file's that was named.  Raises: OSError."""
    if text == "@-":
        data = sys.stdin.buffer.read(STDIN_MAX + 1)
        if len(data) > STDIN_MAX:
            raise usage.UsageError(f"standard input has more than {STDIN_MAX} bytes; name a file")
        return Plain(data, kind)
    if text.startswith("@"):
        return File.at(text[1:], kind)
    return Plain(text.encode("utf-8", "surrogateescape"), kind)


def _part(field: str) -> Part:
    name, _, value = field.partition("=")
    if value.startswith("@"):
        path = value[1:]
        return Part(name, File.at(path), path.rpartition("/")[2])
    return Part(name, Plain(value.encode("utf-8", "surrogateescape")))


async def main(reactor: Any, options: Options) -> Outcome:
    """Print what the URL gives."""
    url = options.asked
    assert url is not None  # noqa: S101 - parseArgs has set it

    agent = options.agent(reactor, [url], asks=True)
    await options.ask_password(reactor, [url], agent)
    request = Request(url, options.verb, options.fields, options.content())
    answer = await agent.fetch(request)
    try:
        return await _told(options, answer)
    finally:
        answer.close()


async def _told(options: Options, answer: Answer) -> Outcome:
    """Write an answer as asked for, and return how it ended."""
    outcome = _judged(answer)
    if options["tls-info"]:
        _tell_tls(answer)
    result: dict[str, object] = {
        "status": answer.status,
        "url": answer.url.text,
        "redirects": answer.redirects,
        "type": (escaped(answer.value(b"content-type") or b"").partition(";")[0].strip() or None),
        "length": None,
        "body": None,
    }
    later = answer.value(b"retry-after")
    if later is not None and not outcome.ok:
        result["retry_after"] = escaped(later)
    if answer.tls is not None:
        result["tls"] = answer.tls.told()
    writes = outcome.ok or bool(options["show-error-body"])
    if options.results.as_json:
        body = await _json_body(options, answer, result) if writes else None
        result["length"] = len(body) if body is not None else answer.head.length
    else:
        result["length"] = await _write(options, answer, writes)
    return Outcome(outcome.exit, outcome.cause, outcome.message, outcome.detail, result)


def _judged(answer: Answer) -> Outcome:
    """Return what an answer's status says."""
    if answer.status in STATUSES:
        return Outcome.failed("http", f"{answer.reason}, but not where to", detail="location")
    told = Outcome.of_status(answer.status, retry_after=answer.value(b"retry-after") is not None)
    if told.ok:
        return told
    return Outcome.failed(told.cause or "http", answer.reason)


def _tell_tls(answer: Answer) -> None:
    if answer.tls is None:
        complain("webcat", "no TLS")
        return
    for name, value in answer.tls.told().items():
        complain("webcat", f"tls {name}: {', '.join(value) if isinstance(value, list) else value}")


def _head_of(answer: Answer) -> bytes:
    """Return an answer's head as it was read."""
    major, minor = answer.head.version
    start = b"HTTP/%d.%d %d %b" % (major, minor, answer.status, answer.head.reason)
    lines = [start.rstrip(), *(b"%b: %b" % field for field in answer.head.fields)]
    return b"\r\n".join([*lines, b"", b""])


async def _json_body(options: Options, answer: Answer, result: dict[str, object]) -> bytes | None:
    """Put an answer's body into a result, or into a file; return it, None where it is in a file."""
    if options["include"] or options["head"]:
        result["head"] = [[escaped(name), escaped(value)] for name, value in answer.head.fields]
    if options["output"]:
        result["file"] = options["output"]
        result["length"] = await _to_file(options, answer)
        return None
    pieces: list[bytes] = []
    await answer.pour(pieces.append, raw=bool(options["raw"]))
    body = b"".join(pieces)
    content_type = (answer.value(b"content-type") or b"").decode("latin-1")
    kind = kind_of(content_type)
    text = None if options["raw"] and answer.codings else text_of(body, content_type)
    if text is not None and options["text"]:
        text = read_text(text, kind)
    if text is not None:
        result["body"] = text
    else:
        result["body_base64"] = base64.b64encode(body).decode("ascii")
    return body


async def _to_file(options: Options, answer: Answer) -> int:
    """Write the body to the file named; return its bytes.  Raises: OSError."""
    file = Whole(options["output"])
    count = 0

    def take(piece: bytes) -> None:
        nonlocal count
        count += len(piece)
        file.write(piece)

    try:
        await answer.pour(take, raw=bool(options["raw"]))
        file.keep()
    except BaseException:
        file.drop()
        raise
    return count


async def _write(options: Options, answer: Answer, writes: bool) -> int | None:
    """Write head and body for people or a pipe; return the body's bytes, None without one."""
    out = Stdout() if not (options["output"] and writes) or options["include"] else None
    if out is not None and (options["include"] or options["head"]):
        out.write(_head_of(answer))
    if not writes:
        return answer.head.length
    if options["output"]:
        return await _to_file(options, answer)
    assert out is not None  # noqa: S101 - there is no file
    if options["text"] or (options["pretty"] and out.is_terminal):
        return await _write_read(options, answer, out)
    count = 0

    def take(piece: bytes) -> None:
        nonlocal count
        count += len(piece)
        out.write(piece)

    held = _held(options)
    if held is None:
        await answer.pour(take, raw=bool(options["raw"]))
    else:
        try:
            await answer.pour(held.write, raw=bool(options["raw"]))
            held.give(take)
        finally:
            held.close()
    out.end()
    if out.escapes:
        options.results.note(f"{out.escapes} control characters were escaped for the terminal")
    return count


def _held(options: Options) -> Spool | None:
    if options["spool"]:
        return Spool(0)
    return Spool() if options["check-first"] else None


async def _write_read(options: Options, answer: Answer, out: Stdout) -> int:
    """Write a page's text, or the page laid out; what can't be read as text is written as it is."""
    pieces: list[bytes] = []
    await answer.pour(pieces.append)
    body = b"".join(pieces)
    content_type = (answer.value(b"content-type") or b"").decode("latin-1")
    kind, text = kind_of(content_type), text_of(body, content_type)
    if text is None:
        out.write(body)
    elif options["text"]:
        out.write(read_text(text, kind).encode("utf-8", "replace"))
    else:
        out.coloured(pretty(text, kind, harmless))
    out.end()
    return len(body)


def run() -> None:
    """Be the command webcat."""
    start(Options, main)


if __name__ == "__main__":
    run()

"""Every event that our services can log, a function each; redaction and escaping (rule R3).

No other module holds a format string.  What is logged never has a credential, a header, a body or a word of
a page; a URL's query is ``?…`` unless ``show_queries`` was called.  Control characters, line separators and
marks that reorder text are escaped, so that one event is one line and no peer can forge another.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

_log = Logger(namespace="netsuite")


def _emit(level: Any, text: str, /, **event: Any) -> None:
    """As ``Logger.emit``, which sorts all levels first to see whether this is one.

    Twisted's text log has [netsuite] before each of our lines.
    """
    event.update(
        log_logger=_log,
        log_level=level,
        log_namespace="netsuite",
        log_source=None,
        log_format=text,
        log_time=time.time(),
        log_system="netsuite",
    )
    _log.observer(event)


_info = partial(_emit, LogLevel.info)
_warn = partial(_emit, LogLevel.warn, syslogPriority=4)  # as Twisted's syslog observer has it
_error = partial(_emit, LogLevel.error, syslogPriority=3)

#: C0, DEL, C1, line and paragraph separator, marks that reorder text (CWE-117).
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

#: Longest piece of a peer's text in a log line, in characters.
TEXT_MAX = 2048

#: Keys that Twisted's bridge to its older log puts into every event.
_BRIDGED = frozenset(
    ("time", "system", "isError", "message", "format", "failure", "why", "logLevel", "syslogPriority")
)

#: ``debug``, ``info``, ``warn``, ``error`` or ``critical``.
LogLevelName = str

_shown = {"queries": False}

#: Whose events are logged that don't say so themselves.
_served = {"name": "netsuite"}


class Tally:
    """What was told since the start, for metrics: bugs of ours by where, and lines that were lost."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.lost_lines = 0


tally = Tally()

#: Of faults: none twice in a log for long, also over a restart.
_numbers = itertools.count(secrets.randbits(24))


def serve(name: str) -> None:
    """What is logged from now on is this service's, where nothing else is said."""
    _served["name"] = name


@contextmanager
def serving(name: str) -> Iterator[None]:
    """In the block, which waits for nothing, what is logged is this service's."""
    before, _served["name"] = _served["name"], name
    try:
        yield
    finally:
        _served["name"] = before


def show_queries(shown: bool) -> None:
    """Keep query strings in logged URLs from now on (``--log-queries``), or not."""
    _shown["queries"] = shown


def shows_queries() -> bool:
    """Return whether query strings are kept in what is logged."""
    return _shown["queries"]


def escaped(text: str | bytes) -> str:
    """Return peer's text as one line without control characters, cut at ``TEXT_MAX``."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if len(text) > TEXT_MAX:
        text = text[:TEXT_MAX] + "…"
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def url_text(scheme: bytes, authority: bytes, path: bytes) -> str:
    """Return a URL for the log: escaped, its query hidden.  ``path`` may hold a query."""
    hides = b"?" in path and not _shown["queries"]
    if hides:
        path = path.partition(b"?")[0]
    text = escaped(b"%b://%b%b" % (scheme, authority, path))
    return text + "?…" if hides else text


# -- services ----------------------------------------------------------------------------------------------


def service_ready(*, service: str, summary: str) -> None:
    """A service has bound its listeners; ``summary``: where it is reached."""
    _info("{service}: {summary}", event="service.ready", service=service, summary=summary)


def echo_running() -> None:
    """The echo service listens; the tutorial's words."""
    _info("Server running, Press Ctrl-C to stop.", event="echo.running", service="echo")


def echo_connected(*, client: str) -> None:
    """A client has connected to echo; the tutorial's words."""
    _info("Connection from {client}", event="echo.connected", service="echo", client=client)


def echo_peer(*, conn: int, client: str, text: str) -> None:
    """Who is at the other end of a connection to echo; ``text`` is escaped."""
    _info("connection {conn}: {text}", event="echo.peer", service="echo", conn=conn, client=client, text=text)


def echo_faults(*, by: str, text: str) -> None:
    """Other faults hold from now on; ``by``: who said so."""
    _info("faults, told by {by}: {text}", event="echo.faults", service="echo", by=by, text=escaped(text))


def echo_fault(*, conn: int, client: str, kind: str, text: str) -> None:
    """Echo did something wrong, as it was told; ``text`` says exactly what."""
    _info(
        "{log_text}",
        log_text=f"connection {conn}, {client}: {text}",
        event="echo.fault",
        service="echo",
        conn=conn,
        client=client,
        kind=kind,
        text=text,
    )


def echo_bad_head(*, client: str, reason: str) -> None:
    """A balancer's connection did not begin with the PROXY protocol."""
    _warn(
        "{client}: no PROXY protocol: {reason}; closed",
        event="echo.head",
        service="echo",
        client=client,
        reason=reason,
    )


def line_too_long(*, client: str, bound: int) -> None:
    """A client sent a longer line than allowed and was told so."""
    _info(
        "{client}: line over {bound} bytes, closed",
        event="bound.line",
        service="echo",
        client=client,
        bound=bound,
    )


def page_cut(*, path: str, reason: str) -> None:
    """A file could not be sent whole: the client's connection was cut, or it would take a part for all."""
    _warn(
        "{path} cut short: {reason}",
        event="page.cut",
        service="pages",
        path=escaped(path),
        reason=escaped(reason),
    )


def visited(*, text: str, client: str, request: str, status: int, sent: int, service: str = "") -> None:
    """A site of ours answered.  ``request``: the first line of it, escaped and its query hidden."""
    _info(
        "{log_text}",
        log_text=text,
        event="visit",
        client=client,
        request=request,
        status=status,
        sent=sent,
        service=service,
    )


def site_refused(*, client: str, status: int, reason: str, service: str = "") -> None:
    """A site of ours got what is no request, or is over a bound, and said so.  ``reason``: our own words."""
    _info(
        "{client} was answered {status}: {reason}",
        event="site.refused",
        client=client,
        status=status,
        reason=reason,
        service=service,
    )


def client_refused(*, client: str, reason: str, service: str = "") -> None:
    """A connection was not taken, or an idle one was shed for it."""
    _info("{client} refused: {reason}", event="client.refused", client=client, reason=reason, service=service)


def client_shed(*, client: str, service: str = "") -> None:
    """An idle connection was closed to make room for a new one."""
    _info("{client} was idle and gave way", event="client.shed", client=client, service=service)


def login(*, client: str, user: str, ok: bool, service: str = "") -> None:
    """Somebody gave a name and password; a line that a ban tool can match."""
    verdict = "accepted" if ok else "failed"
    _info(
        "login {verdict} for {user} from {client}",
        event=f"login.{verdict}",
        verdict=verdict,
        client=client,
        user=escaped(user)[:64],
        service=service,
    )


def signal_taken(*, name: str, what: str) -> None:
    """A signal came; ``what`` is done about it."""
    _info("{name}: {what}", event="signal", name=name, what=what)


def reloaded(*, text: str) -> None:
    """Settings were read again and are in force; ``text``: which changed."""
    _info("reloaded: {text}", event="reload.done", text=text)


def reload_kept(*, names: str) -> None:
    """Settings were changed that hold until the service is started anew."""
    _warn("not changed until a new start: {names}", event="reload.kept", names=names)


def listener_moved(*, owner: str, place: str) -> None:
    """A reload gave a listener another place."""
    _info(
        "{owner} listens on {place} now",
        event="listener.moved",
        owner=owner,
        service=owner.partition(" ")[0],
        place=place,
    )


def listener_kept(*, owner: str, place: str, reason: str) -> None:
    """A reload could not give a listener its new place; it stays where it was."""
    _error(
        "{owner} stays where it is: {place}: {reason}",
        event="listener.kept",
        owner=owner,
        service=owner.partition(" ")[0],
        place=place,
        reason=reason,
    )


def certificate_changed(*, owner: str, path: str, ends: str) -> None:
    """A TLS listener shows another certificate from now on; connections that are open keep theirs."""
    _info(
        "{owner} shows another certificate, which ends {ends}: {path}",
        event="certificate.changed",
        owner=owner,
        path=escaped(path),
        ends=ends,
    )


def certificate_kept(*, owner: str, reason: str) -> None:
    """The files of a certificate have changed and can't be used; what was shown is shown on."""
    _error(
        "{owner} keeps its certificate: {reason}",
        event="certificate.kept",
        owner=owner,
        reason=escaped(reason),
    )


def certificate_ends(*, owner: str, path: str, ends: str, days: int) -> None:
    """A certificate is about to end; said once a day."""
    _warn(
        "{owner} shows a certificate that ends in {days} days, {ends}: {path}",
        event="certificate.ends",
        owner=owner,
        path=escaped(path),
        ends=ends,
        days=days,
    )


def certificate_ended(*, owner: str, path: str, ends: str) -> None:
    """A certificate is past its end, and clients will refuse it; said once a day."""
    _error(
        "{owner} shows a certificate that HAS ENDED, {ends}, clients refuse it: {path}",
        event="certificate.ended",
        owner=owner,
        path=escaped(path),
        ends=ends,
    )


def certificate_early(*, owner: str, path: str, begins: str) -> None:
    """A certificate doesn't hold yet, or the machine's clock is wrong; said once a day."""
    _error(
        "{owner} shows a certificate that holds only from {begins}, clients refuse it: {path}",
        event="certificate.early",
        owner=owner,
        path=escaped(path),
        begins=begins,
    )


def accepting_paused(*, owner: str, reason: str) -> None:
    """No connection can be accepted just now; said once a while, not each time."""
    _warn(
        "{owner} accepts none for a moment: {reason}",
        event="accept.paused",
        owner=owner,
        service=owner.partition(" ")[0],
        reason=reason,
    )


def accept_failed(*, owner: str, reason: str) -> None:
    """A listening socket gave an error that nobody expects."""
    _error(
        "{owner} can't accept: {reason}",
        event="accept.failed",
        owner=owner,
        service=owner.partition(" ")[0],
        reason=reason,
    )


def clients_capped(*, most: int, asked: int, descriptors: int) -> None:
    """There are too few descriptors for as many connections as --max-clients allows."""
    _warn(
        "{most} connections at once, not {asked}: the system gives {descriptors} descriptors (ulimit -n)",
        event="clients.capped",
        most=most,
        asked=asked,
        descriptors=descriptors,
    )


def worker_started(*, number: int, pid: int) -> None:
    """A worker process runs."""
    _info("worker {number} started, process {pid}", event="worker.started", number=number, pid=pid)


def worker_lost(*, number: int, pid: int, reason: str, seconds: float) -> None:
    """A worker ended without being asked to; another is started in ``seconds``."""
    _warn(
        "worker {number}, process {pid}, lost: {reason}; the next in {seconds:.1f}s",
        event="worker.lost",
        number=number,
        pid=pid,
        reason=escaped(reason),
        seconds=seconds,
    )


def worker_silent(*, number: int, pid: int, seconds: float) -> None:
    """A worker has not been heard of for so long that it is killed."""
    _warn(
        "worker {number}, process {pid}, silent for {seconds:.1f}s: killed",
        event="worker.silent",
        number=number,
        pid=pid,
        seconds=seconds,
    )


def worker_said(*, level: LogLevelName, text: str, own: dict[str, Any]) -> None:
    """A worker's event, as it was there: ``own`` are its keys."""
    _emit(LogLevel.levelWithName(level), "{log_said}", log_said=text, **own)


def worker_lines_lost(*, number: int, count: int) -> None:
    """A worker had more to say than could be taken."""
    tally.lost_lines += count
    _warn("{count} log lines of worker {number} lost", event="worker.lines", number=number, count=count)


def serves_as_root() -> None:
    """Root serves; said once, at the start."""
    _warn("root serves here; give twistd --uid USER, who need not be root", event="service.root")


def member_down(*, service: str, text: str) -> None:
    """A service of the suite could not start, and the others run without it."""
    _error("{service} does not run: {text}", event="member.down", service=service, text=escaped(text))


def reload_failed(*, text: str) -> None:
    """A reload was asked for and changed nothing."""
    _error("reload refused, nothing changed: {text}", event="reload.failed", text=escaped(text))


def log_lost(*, where: str, text: str) -> None:
    """Lines could not be written to a log file; told once until one could be written again."""
    _error("lines of {where} are lost: {text}", event="log.lost", where=where, text=escaped(text))


def log_back(*, where: str, count: int) -> None:
    """A log file can be written to again; so many lines are missing in it."""
    _warn("{where} is written to again; {count} lines are lost", event="log.back", where=where, count=count)


def log_moved(*, where: str, text: str) -> None:
    """A log file was moved away and can't be opened anew; lines still go to the one that was moved."""
    _error(
        "{where} can't be opened again, and its lines go to the file that was moved: {text}",
        event="log.moved",
        where=where,
        text=escaped(text),
    )


def log_grows(*, where: str, text: str) -> None:
    """A log file is large or old enough to be put aside, and can't be; it grows on."""
    _error("{where} can't be put aside: {text}", event="log.grows", where=where, text=escaped(text))


def fault(*, where: str, failure: Failure, service: str = "") -> str:
    """One of our own bugs, caught at ``where``; return the number under which its traceback stands."""
    number = f"{next(_numbers) & 0xFFFFFF:06x}"
    tally.faults[where] += 1
    _log.failure(
        "fault {number} in {where}",
        failure=failure,
        log_system="netsuite",
        syslogPriority=2,
        event="fault",
        number=number,
        where=where,
        service=service,
    )
    return number


def detach(deferred: Deferred[Any], *, where: str) -> None:
    """Let a Deferred go: nobody waits for it, but its failure is logged."""

    def failed(failure: Failure) -> None:
        fault(where=where, failure=failure)

    deferred.addErrback(failed)


# -- proxy -------------------------------------------------------------------------------------------------


def request_done(
    *,
    conn: int,
    client: str,
    method: str,
    url: str,
    status: int,
    kind: str,
    sent: int,
    seconds: float,
    peer: str,
    service: str = "",
) -> None:
    """A proxied request ended.  ``sent``: body bytes to the client; ``peer``: the address that answered."""
    _info(
        "{log_text}",  # Twisted's formatting costs by the field, and this event comes most often
        log_text=f"{method} {url} {status} {kind} {sent}B {seconds:.3f}s",
        event="request.done",
        service=service,
        conn=conn,
        client=client,
        method=method,
        url=url,
        status=status,
        kind=kind,
        sent=sent,
        seconds=seconds,
        peer=peer,
    )


def request_refused(
    *, conn: int, client: str, method: str, url: str, status: int, cause: str, reason: str, service: str = ""
) -> None:
    """We answered a request ourselves.  ``cause``: a word of the refusals' table."""
    reason = escaped(reason)
    _info(
        "{log_text}",
        log_text=f"{method} {url} refused {status} {cause}: {reason}",
        event="request.refused",
        service=service,
        conn=conn,
        client=client,
        method=method,
        url=url,
        status=status,
        cause=cause,
        reason=reason,
    )


def tunnel_done(
    *,
    conn: int,
    client: str,
    target: str,
    sent: int,
    received: int,
    seconds: float,
    peer: str,
    service: str = "",
) -> None:
    """A tunnel ended.  ``received``: bytes from the origin; ``sent``: bytes to it."""
    _info(
        "{log_text}",
        log_text=f"CONNECT {target} tunnel {received}/{sent} {seconds:.1f}s unseen",
        event="tunnel.done",
        service=service,
        conn=conn,
        client=client,
        target=target,
        sent=sent,
        received=received,
        seconds=seconds,
        peer=peer,
    )


# -- wordproxy ---------------------------------------------------------------------------------------------


def page_counted(*, conn: int, words: int) -> None:
    """The words of a page were counted.  ``conn``: as in its request's line."""
    _info(
        "page of request {conn} counted {words}",
        event="page.counted",
        service="wordproxy",
        conn=conn,
        words=words,
    )


def page_skipped(*, conn: int, reason: str) -> None:
    """A page was not counted.  ``reason``: of the closed list."""
    _info(
        "page of request {conn} skipped: {reason}",
        event="page.skipped",
        service="wordproxy",
        conn=conn,
        reason=reason,
    )


def counter_started(*, pid: int) -> None:
    """A counter process runs."""
    _info("counter started, process {pid}", event="counter.started", service="wordproxy", pid=pid)


def counter_lost(*, pid: int, reason: str) -> None:
    """The counter process ended without being asked to."""
    _warn(
        "counter {pid} lost: {reason}",
        event="counter.lost",
        service="wordproxy",
        pid=pid,
        reason=escaped(reason),
    )


def counter_trouble(*, text: str) -> None:
    """The counter can't do its work just now; ``text`` has nothing of a page."""
    _warn("counter: {text}", event="counter.trouble", service="wordproxy", text=escaped(text))


def paused(*, is_paused: bool) -> None:
    """Counting was paused or goes on."""
    _info(
        "counting {what}",
        event="counting.paused",
        service="wordproxy",
        what="paused" if is_paused else "goes on",
    )


def interception_ready(*, hosts: str, fingerprint: str, path: str) -> None:
    """TLS of some hosts will be opened; ``fingerprint``: of the authority that signs for them."""
    _info(
        "TLS of {hosts} is opened, if clients trust the authority in {path}, SHA-256 {fingerprint}",
        event="intercept.ready",
        service="wordproxy",
        hosts=hosts,
        fingerprint=fingerprint,
        path=path,
    )


def interception_renewed(*, path: str) -> None:
    """The authority was made anew: the list of hosts is another, or the old one was about to end."""
    _warn(
        "{path} is a new authority: clients must trust it in the place of an old one, see /interception",
        event="intercept.renewed",
        service="wordproxy",
        path=path,
    )


def interception_refused(*, host: str) -> None:
    """A client doesn't take our certificate for a host."""
    _info(
        "a client refuses our certificate for {host}: it is passed unseen for a day",
        event="intercept.pinned",
        service="wordproxy",
        host=host,
    )


# -- formsite ----------------------------------------------------------------------------------------------


def answer_kept(*, number: int, spam: str) -> None:
    """An answer to a form is on the disk; ``spam``: why it was flagged, "" if it wasn't."""
    how = f"kept as spam ({spam})" if spam else "kept"
    _info("answer {number} {how}", event="answer.kept", service="formsite", number=number, spam=spam, how=how)


def answers_deleted(*, count: int) -> None:
    """Answers were deleted, by hand or because of their age."""
    _info("{count} answers deleted", event="answers.deleted", service="formsite", count=count)


def store_trouble(*, text: str) -> None:
    """A store can't do its work just now; ``text`` has nothing of what it keeps."""
    _error("{text}", event="store.trouble", service="formsite", text=escaped(text))


def letter_failed(*, way: str, tries: int, seconds: float, reason: str) -> None:
    """An answer could not be told by ``way``, for the ``tries``-th time; it is tried again in ``seconds``."""
    _warn(
        "{way} failed, try {tries}, the next in {seconds:.0f}s: {reason}",
        event="letter.failed",
        service="formsite",
        way=way,
        tries=tries,
        seconds=seconds,
        reason=escaped(reason),
    )


# -- JSON --------------------------------------------------------------------------------------------------


class LogSink(Protocol):
    """Where log lines go: a text stream or Twisted's rotating ``LogFile``."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


@implementer(ILogObserver)
class JsonLines:
    """Writes an event as a JSON object on a line: ``time level service event conn …`` and its own keys."""

    def __init__(self, stream: LogSink) -> None:
        self._stream = stream

    def __call__(self, event: Any) -> None:
        level, message, own = portable(event)
        line = {
            "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "service": own["service"],
            "event": "other",
            **own,
            "message": escaped(message) if event.get("log_failure") is None else message,
        }
        # A JSON string may hold U+2028 and its like bare; as JSON escapes they can't end a line.
        self._stream.write(_UNPRINTABLE.sub(_escape, json.dumps(line, ensure_ascii=False)) + "\n")
        self._stream.flush()


def portable(event: Any) -> tuple[LogLevelName, str, dict[str, Any]]:
    """Return an event as plain values: its level, its text with the traceback of a failure, our own keys."""
    own: dict[str, Any] = {"service": event.get("log_namespace", "-")}
    if event.get("log_namespace") == "netsuite":
        own = {key: value for key, value in event.items() if _is_own(key) and _plain(value)}
        own["service"] = own.get("service") or _served["name"]
    text = formatEvent(event)
    if event.get("log_failure") is not None:
        text += "\n" + event["log_failure"].getTraceback()
    return (event.get("log_level") or LogLevel.info).name, text, own


def _is_own(key: str) -> bool:
    return not key.startswith("log_") and key not in _BRIDGED


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)

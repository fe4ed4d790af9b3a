"""The list of cases: raw bytes with the answers they may get, and functions for what takes more than that.

Names and sections are those of the tables that a reader compares with.  Where the RFC leaves a choice, a
case takes every choice that it leaves and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.real.origin.visit import Visit, ask, post

MUST, SHOULD, USEFUL = "MUST", "SHOULD", "useful"

Play = Callable[[Visit], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One case, its section, how strongly that asks, and its sentence."""

    name: str
    section: str
    level: str
    sentence: str
    play: Play


CASES: dict[str, Case] = {}


def _keep(name: str, section: str, level: str, sentence: str, play: Play) -> None:
    if name in CASES:
        raise ValueError(f"two cases named {name}")
    CASES[name] = Case(name, section, level, sentence, play)


def _marked(level: str, section: str) -> Callable[[Play], Play]:
    def keep(play: Play) -> Play:
        _keep(play.__name__, section, level, (play.__doc__ or "").strip(), play)
        return play

    return keep


def must(section: str) -> Callable[[Play], Play]:
    """The function is a case of what the section says an origin server MUST do, or MUST NOT."""
    return _marked(MUST, section)


def should(section: str) -> Callable[[Play], Play]:
    """The function is a case of what the section says an origin server SHOULD do, or SHOULD NOT."""
    return _marked(SHOULD, section)


def useful(section: str) -> Callable[[Play], Play]:
    """The function is a case of what the section leaves open, and clients and proxies count on."""
    return _marked(USEFUL, section)


def _refused(level: str, section: str, statuses: tuple[int, ...], **requests: bytes) -> None:
    for name, data in requests.items():
        sentence = f"{data[:60]!r} is refused, and the connection ends."

        def play(visit: Visit, data: bytes = data) -> object:
            return visit.refused(data, *statuses)

        _keep(name, section, level, sentence, play)


def _framed(level: str, section: str, **requests: bytes) -> None:
    for name, data in requests.items():
        sentence = f"{data[:60]!r} is read as one request, and the next as another."

        def play(visit: Visit, data: bytes = data) -> object:
            return visit.framed(data)

        _keep(name, section, level, sentence, play)


_LONG = b"a" * 70_000
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"


def _chunked(body: bytes, *lines: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


# -- the request line --------------------------------------------------------------------------------------

_refused(
    SHOULD,
    "RFC 9112 §3",
    (400,),
    two_spaces=ask(start=b"GET  PAGE HTTP/1.1"),
    tab_for_a_space=ask(start=b"GET\tPAGE HTTP/1.1"),
    space_at_the_end=ask(start=b"GET PAGE HTTP/1.1 "),
    space_at_the_start=ask(start=b" GET PAGE HTTP/1.1"),
    space_in_a_target=ask(start=b"GET PAGE x HTTP/1.1"),
    control_in_a_target=ask(start=b"GET PAGE\x01 HTTP/1.1"),
    nul_in_a_target=ask(start=b"GET PAGE\x00 HTTP/1.1"),
    bytes_beyond_ascii_in_a_target=ask(start=b"GET /\xc3\xbc HTTP/1.1"),
    fragment_in_a_target=ask(start=b"GET PAGE#part HTTP/1.1"),
    method_that_is_no_token=ask(start=b"G(T PAGE HTTP/1.1"),
    no_version=b"GET PAGE\r\n\r\n",
    no_target=b"GET HTTP/1.1\r\nHost: HOST\r\n\r\n",
    garbage=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n",
    version_in_lower_case=ask(start=b"GET PAGE http/1.1"),
    version_with_more_digits=ask(start=b"GET PAGE HTTP/1.10"),
)
_refused(
    SHOULD,
    "RFC 9110 §15.6.6",
    (400, 505),
    version_2=ask(start=b"GET PAGE HTTP/2.0"),
    version_9=ask(start=b"GET PAGE HTTP/9.9"),
)
_refused(SHOULD, "RFC 9113 §3.4", (400, 505), preface_of_http2=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_refused(SHOULD, "RFC 9110 §4.1", (414,), target_too_long=ask(start=b"GET /" + _LONG + b" HTTP/1.1"))
_refused(
    MUST,
    "RFC 9112 §2.2",
    (400,),
    bare_cr_in_the_first_line=ask(start=b"GET PAGE\rx HTTP/1.1"),
    bare_cr_between_lines=b"GET PAGE HTTP/1.1\rHost: HOST\r\n\r\n",
    white_space_before_the_first_field=b"GET PAGE HTTP/1.1\r\n X: 1\r\nHost: HOST\r\n\r\n",
)
_refused(
    USEFUL,
    "RFC 9112 §2.2",
    (400,),
    bare_line_feeds=ask().replace(b"\r\n", b"\n"),
    one_bare_line_feed=ask(b"X: 1\nY: 2"),
)
_refused(
    USEFUL,
    "RFC 9112 §3.2",
    (400,),
    asterisk_of_get=ask(start=b"GET * HTTP/1.1"),
    target_without_a_slash=ask(start=b"GET page HTTP/1.1"),
    user_information=ask(start=b"GET http://user@HOST/ HTTP/1.1"),
    port_of_letters=ask(start=b"GET http://HOSTx/ HTTP/1.1"),
)


@must("RFC 9110 §9.1")
def get_and_head(visit: Visit) -> None:
    """GET and HEAD are there, and HEAD has no content."""
    got, head = visit.good(ask()), visit.good(ask(start=b"HEAD PAGE HTTP/1.1"))
    assert got.body
    assert not head.body


@should("RFC 9110 §9.1")
def unknown_method(visit: Visit) -> None:
    """A method that nobody knows is 501, and the connection goes on."""
    visit.refused(ask(start=b"BREW PAGE HTTP/1.1"), 501, closes=False)
    visit.goes_on()


@must("RFC 9110 §9.1")
def methods_are_case_sensitive(visit: Visit) -> None:
    """A method in lower case is another one, and no GET."""
    visit.refused(ask(start=b"get PAGE HTTP/1.1"), 400, 405, 501, closes=False)


@must("RFC 9110 §15.5.6")
def method_not_allowed(visit: Visit) -> None:
    """A known method that does nothing here is 405 with Allow."""
    for method in (b"PUT", b"DELETE", b"PATCH"):
        got = visit.refused(ask(start=method + b" PAGE HTTP/1.1"), 405, closes=False)
        assert b"GET" in got.listed("allow")


@should("RFC 9110 §9.3.8")
def trace(visit: Visit) -> None:
    """TRACE, which would show a script the fields it may not see, does nothing here."""
    visit.refused(ask(b"Cookie: secret=1", start=b"TRACE PAGE HTTP/1.1"), 405, 501, closes=False)


@should("RFC 9110 §9.3.6")
def connect(visit: Visit) -> None:
    """CONNECT to a web site is refused."""
    visit.refused(ask(start=b"CONNECT HOST HTTP/1.1"), 400, 405, 501, closes=False)


@should("RFC 9110 §9.3.7")
def options(visit: Visit) -> None:
    """OPTIONS says what is allowed, of a page and of the site."""
    for target in (b"PAGE", b"*"):
        got = visit.answer(ask(start=b"OPTIONS " + target + b" HTTP/1.1"))
        assert 200 <= got.status < 300, got.status
        assert b"GET" in got.listed("allow"), got.raw


@should("RFC 9112 §2.2")
def empty_line_first(visit: Visit) -> None:
    """An empty line before the request is passed over."""
    visit.good(b"\r\n" + ask())


@should("RFC 9110 §4.1")
def target_of_8000_bytes(visit: Visit) -> None:
    """Targets of 8,000 bytes are taken."""
    got = visit.answer(ask(start=b"GET PAGE?" + b"a" * 7980 + b" HTTP/1.1"))
    assert got.status != 414, got.status


@must("RFC 9112 §3.2.2")
def absolute_target(visit: Visit) -> None:
    """A target in absolute form is answered as its path is."""
    plain = visit.good(ask())
    assert visit.good(ask(start=b"GET http://HOSTPAGE HTTP/1.1")).body == plain.body
    visit.good(ask(start=b"GET HTTP://HOSTPAGE HTTP/1.1"))


@must("RFC 9112 §3.2.2")
def absolute_target_says_the_host(visit: Visit) -> None:
    """With a target in absolute form, the Host field is ignored."""
    visit.good(b"GET http://HOSTPAGE HTTP/1.1\r\nHost: other.example\r\n\r\n")
    visit.refused(ask(start=b"GET http://other.example/ HTTP/1.1"), 421, 404, closes=False)


@should("RFC 9110 §2.5")
def higher_minor_version(visit: Visit) -> None:
    """A request in a higher minor version is read as the highest one known."""
    visit.good(ask(start=b"GET PAGE HTTP/1.2"))


@must("RFC 9112 §2.3")
def own_version(visit: Visit) -> None:
    """The answer is in the highest version of the server's, whatever the client's was."""
    assert visit.answer(ask(start=b"GET PAGE HTTP/1.0")).version == b"HTTP/1.1"


@useful("RFC 9112 §2.2")
def head_byte_by_byte(visit: Visit) -> None:
    """However a request comes in pieces, the answer is the same; half of one is not answered."""
    request = visit.filled(ask(b"Accept: */*"))
    for at in range(len(request) - 1):
        visit.line.send(request[at : at + 1])
    visit.waits(b"", request[-1:])


# -- Host --------------------------------------------------------------------------------------------------

_refused(
    MUST,
    "RFC 9112 §3.2",
    (400,),
    host_missing=b"GET PAGE HTTP/1.1\r\n\r\n",
    host_missing_with_an_absolute_target=b"GET http://HOSTPAGE HTTP/1.1\r\n\r\n",
    host_twice=ask(b"Host: other.example"),
    host_twice_the_same=ask(b"Host: HOST"),
    host_with_a_path=b"GET PAGE HTTP/1.1\r\nHost: HOST/x\r\n\r\n",
    host_with_a_space=b"GET PAGE HTTP/1.1\r\nHost: HOST x\r\n\r\n",
    host_with_user_information=b"GET PAGE HTTP/1.1\r\nHost: user@HOST\r\n\r\n",
    host_with_a_list=b"GET PAGE HTTP/1.1\r\nHost: HOST, HOST\r\n\r\n",
    host_with_a_bad_port=b"GET PAGE HTTP/1.1\r\nHost: HOSTx\r\n\r\n",
    host_with_half_a_bracket=b"GET PAGE HTTP/1.1\r\nHost: [::1\r\n\r\n",
)


@must("RFC 9112 §3.2")
def host_of_an_old_client(visit: Visit) -> None:
    """A request in HTTP/1.0 needs no Host."""
    visit.good(b"GET PAGE HTTP/1.0\r\n\r\n", goes_on=False)


@useful("RFC 9110 §7.4")
def another_name(visit: Visit) -> None:
    """A name that isn't this site's is refused, on this request alone."""
    visit.refused(ask().replace(b"HOST", b"evil.example"), 421, 404, closes=False)
    visit.goes_on()


# -- fields ------------------------------------------------------------------------------------------------

_refused(
    MUST,
    "RFC 9112 §5.1",
    (400,),
    space_before_a_colon=ask(b"X : 1"),
    tab_before_a_colon=ask(b"Content-Length\t: 1"),
)
_refused(MUST, "RFC 9112 §5.2", (400,), folded_line=ask(b"X: 1\r\n 2"), folded_by_a_tab=ask(b"X: 1\r\n\t2"))
_refused(
    MUST,
    "RFC 9110 §5.5",
    (400,),
    nul_in_a_value=ask(b"X: a\x00b"),
    cr_in_a_value=ask(b"X: a\rb"),
)
_refused(
    SHOULD,
    "RFC 9110 §5.5",
    (400,),
    bell_in_a_value=ask(b"X: a\x07"),
    delete_in_a_value=ask(b"X: a\x7f"),
)
_refused(
    USEFUL,
    "RFC 9110 §5.1",
    (400,),
    field_without_a_colon=ask(b"nonsense"),
    field_without_a_name=ask(b": 1"),
    field_name_with_brackets=ask(b"X[]: 1"),
    field_name_beyond_ascii=ask(b"\xc3\xbc: 1"),
)
_refused(SHOULD, "RFC 6585 §5", (431,), large_field=ask(b"X: " + _LONG), many_fields=ask(*[b"X: 1"] * 2000))


@useful("RFC 9110 §5.5")
def odd_but_good_values(visit: Visit) -> None:
    """Empty values, white space around one, tabs in one and bytes beyond ASCII are no fault."""
    visit.good(ask(b"A:", b"B: ", b"C:\t x \t", b"D: \xc3\xbc\xff", b"E: a\tb", b"A: again"))


@must("RFC 9110 §5.1")
def names_in_any_case(visit: Visit) -> None:
    """A field's name means the same in any case."""
    visit.good(ask().replace(b"Host:", b"hOsT:"))


# -- bodies ------------------------------------------------------------------------------------------------

_CL = b"Content-Length: "
_TE = b"Transfer-Encoding: "
_refused(
    MUST,
    "RFC 9112 §6.3",
    (400,),
    length_negative=post(_CL + b"-1"),
    length_with_a_sign=post(_CL + b"+5", body=b"hello"),
    length_in_hex=post(_CL + b"0x5", body=b"hello"),
    length_of_letters=post(_CL + b"five", body=b"hello"),
    length_empty=post(_CL),
    length_with_a_space=post(_CL + b"5 5", body=b"hello"),
    length_as_a_list=post(_CL + b"5, 6", body=b"hello"),
    lengths_unlike=post(_CL + b"5", _CL + b"6", body=b"hello"),
    length_past_64_bits=post(_CL + b"18446744073709551621", body=b"hello"),
    length_of_a_get_negative=ask(_CL + b"-123456789123456789123456789"),
)
_refused(USEFUL, "RFC 9112 §6.3", (400,), lengths_alike=post(_CL + b"5", _CL + b"5", body=b"hello"))
_refused(
    MUST,
    "RFC 9112 §6.1",
    (400, 501),
    coding_unknown=post(_TE + b"xchunked", body=b"0\r\n\r\n"),
    coding_not_chunked_last=post(_TE + b"chunked, gzip", body=b"0\r\n\r\n"),
    coding_gzip=post(_TE + b"gzip, chunked", body=b"0\r\n\r\n"),
    coding_twice=post(_TE + b"chunked, chunked", body=b"0\r\n\r\n"),
    coding_identity=post(_TE + b"identity", body=b"hello"),
    coding_in_two_lines=post(_TE + b"identity", _TE + b"chunked", body=b"0\r\n\r\n"),
    coding_empty=post(_TE, body=b"0\r\n\r\n"),
)
_refused(
    SHOULD,
    "RFC 9112 §6.1",
    (400,),
    length_and_coding=post(_CL + b"5", _TE + b"chunked", body=b"0\r\n\r\n" + _SMUGGLED),
    coding_and_length=post(_TE + b"chunked", _CL + b"5", body=b"0\r\n\r\n" + _SMUGGLED),
    coding_in_http_1_0=post(_TE + b"chunked", body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    coding_behind_a_tab=post(b"Transfer-Encoding:\tchunked", _CL + b"5", body=b"0\r\n\r\n" + _SMUGGLED),
    coding_with_a_control=post(_TE + b"\x0bchunked", body=b"0\r\n\r\n" + _SMUGGLED),
)
_refused(
    MUST,
    "RFC 9112 §7.1",
    (400,),
    chunk_size_of_letters=_chunked(b"xyz\r\nhello\r\n0\r\n\r\n"),
    chunk_size_negative=_chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    chunk_size_with_0x=_chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    chunk_size_empty=_chunked(b"\r\nhello\r\n0\r\n\r\n"),
    chunk_size_past_64_bits=_chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    chunk_size_with_a_space_before=_chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    chunk_size_with_an_underscore=_chunked(b"1_0\r\nhello, hello, he\r\n0\r\n\r\n"),
    chunk_line_ends_in_a_bare_line_feed=_chunked(b"5\nhello\r\n0\r\n\r\n"),
    chunk_extension_with_a_bare_line_feed=_chunked(b"5;\nxx\r\nhello\r\n0\r\n\r\n"),
    chunk_too_long=_chunked(b"5\r\nhello!\r\n0\r\n\r\n"),
    chunk_without_its_end=_chunked(b"5\r\nhello0\r\n\r\n"),
    chunk_data_ends_in_a_bare_line_feed=_chunked(b"5\r\nhello\n0\r\n\r\n"),
    chunk_data_ends_in_other_bytes=_chunked(b"5\r\nhelloXX0\r\n\r\n"),
    trailer_that_is_no_field=_chunked(b"0\r\nnonsense\r\n\r\n"),
    trailer_with_a_bare_line_feed=_chunked(b"0\r\nX: 1\nY: 2\r\n\r\n"),
)
_refused(SHOULD, "RFC 9112 §7.1.1", (400,), chunk_extension_endless=_chunked(b"5;" + _LONG))
_refused(USEFUL, "RFC 9110 §15.5.14", (413,), body_too_long=post(_CL + b"999999999"))
_framed(
    MUST,
    "RFC 9112 §6.3",
    body_by_length=post(_CL + b"5", body=b"hello"),
    body_of_nothing=post(_CL + b"0"),
    body_of_nothing_said=post(),
    length_with_zeros=post(_CL + b"005", body=b"hello"),
)
_framed(
    MUST,
    "RFC 9112 §7.1",
    chunked_body=_chunked(b"5\r\nhello\r\n0\r\n\r\n"),
    chunk_size_in_any_case=_chunked(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
    chunk_size_with_zeros=_chunked(b"0005\r\nhello\r\n000\r\n\r\n"),
    coding_in_any_case=post(b"tRANSFER-eNCODING: ChunKed", body=b"5\r\nhello\r\n0\r\n\r\n"),
    chunk_extensions=_chunked(b'5;a;b=c;d="e; f"\r\nhello\r\n0;x\r\n\r\n'),
    trailers=_chunked(b"5\r\nhello\r\n0\r\nX: 1\r\nContent-Length: 99\r\n\r\n"),
    chunked_body_of_nothing=_chunked(b"0\r\n\r\n"),
)


@useful("RFC 9112 §6.3")
def body_in_pieces(visit: Visit) -> None:
    """A body is waited for, however it comes, and what follows it is the next request."""
    visit.waits(post(_CL + b"5", body=b"hel"), b"lo")
    visit.waits(_chunked(b"5\r\nhel"), b"lo\r\n0\r\n\r\n")
    visit.goes_on()


@must("RFC 9112 §9.3.2")
def length_of_a_get_is_heeded(visit: Visit) -> None:
    """The body of a GET is no request of its own."""
    inner = visit.filled(_SMUGGLED)
    visit.good(ask(_CL + b"%d" % len(inner), body=inner))


# -- connections -------------------------------------------------------------------------------------------


@should("RFC 9112 §9.3")
def persists(visit: Visit) -> None:
    """A connection takes request after request."""
    for _ in range(5):
        visit.good(ask())


@must("RFC 9112 §9.6")
def close_is_heeded(visit: Visit) -> None:
    """After an answer to a request with the close option the connection ends, and the answer says so."""
    for value in (b"close", b"Close", b"x, cLoSe"):
        visit.another()
        got = visit.good(ask(b"Connection: " + value), goes_on=False)
        assert b"close" in [option.lower() for option in got.listed("connection")], got.raw
        visit.line.ended()


@useful("RFC 9112 §9.3")
def old_client_ends(visit: Visit) -> None:
    """A client of HTTP/1.0 gets its answer's end."""
    visit.good(ask(start=b"GET PAGE HTTP/1.0"), goes_on=False)
    visit.line.ended()


@must("RFC 9112 §9.3.2")
def pipelined_in_order(visit: Visit) -> None:
    """Requests sent ahead are answered in their order, each as if it had come alone."""
    alone = {
        method: visit.answer(ask(start=method + b" PAGE HTTP/1.1")).status for method in (b"GET", b"BREW")
    }
    methods = [b"GET", b"BREW", b"HEAD", b"GET", b"BREW"] * 12
    visit.send(b"".join(ask(start=method + b" PAGE HTTP/1.1") for method in methods))
    for method in methods:
        assert visit.line.answer(method).status == alone.get(method, 200)


@must("RFC 9112 §9.3.2")
def pipelined_before_nonsense(visit: Visit) -> None:
    """What came whole before nonsense is answered; the nonsense is refused; nothing after it is heard."""
    visit.send(ask() + ask() + b"nonsense\r\n\r\n" + ask())
    assert [visit.line.answer().status for _ in range(3)] == [200, 200, 400]
    visit.line.ended()


@useful("RFC 9112 §9.6")
def half_closed(visit: Visit) -> None:
    """A client that has said all that it will say gets its answers, and then the end."""
    visit.send(ask() + ask())
    visit.line.half_close()
    assert [visit.line.answer().status for _ in range(2)] == [200, 200]
    visit.line.ended()


@useful("RFC 9112 §9.6")
def told_before_the_end(visit: Visit) -> None:
    """A client that sends a body far too long still gets to read why: no reset takes the answer from it."""
    visit.send(post(_CL + b"999999999", body=b"x" * 500_000))
    assert visit.line.answer(b"POST").status == 413
    visit.line.ended()
    assert visit.line.end == "fin", visit.line.end


@must("RFC 9110 §7.8")
def upgrade_to_http2(visit: Visit) -> None:
    """An offer of HTTP/2 over plain TCP is passed over."""
    lines = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    visit.good(ask(*lines))


@must("RFC 9110 §7.8")
def upgrade_to_another(visit: Visit) -> None:
    """A protocol that nobody knows is passed over."""
    visit.good(ask(b"Connection: upgrade", b"Upgrade: nonsense/3"))


# -- expectations ------------------------------------------------------------------------------------------


@must("RFC 9110 §10.1.1")
def expectation(visit: Visit) -> None:
    """A client that waits for a 100 gets one, or the final answer."""
    visit.send(post(_CL + b"5", b"Expect: 100-continue"))
    head = visit.line.answer_head()
    if head.status == 100:
        visit.framed(b"hello")
    else:
        assert head.status >= 400


@must("RFC 9110 §10.1.1")
def expectation_of_an_old_client(visit: Visit) -> None:
    """A client of HTTP/1.0 gets no 100."""
    request = post(_CL + b"5", b"Expect: 100-continue", body=b"hello").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert not visit.answer(request).interims


@should("RFC 9110 §10.1.1")
def expectation_refused(visit: Visit) -> None:
    """A body that won't be taken is refused without asking for it."""
    got = visit.refused(post(_CL + b"999999999", b"Expect: 100-continue"), 413)
    assert not got.interims


# -- answers -----------------------------------------------------------------------------------------------

_DAYS = (b"Mon,", b"Tue,", b"Wed,", b"Thu,", b"Fri,", b"Sat,", b"Sun,")


@must("RFC 9110 §6.6.1")
def date_in_each(visit: Visit) -> None:
    """Each answer has one Date, in the one form."""
    for request in (
        ask(),
        ask(start=b"GET /nowhere HTTP/1.1"),
        ask(start=b"OPTIONS * HTTP/1.1"),
        b"nonsense\r\n\r\n",
    ):
        visit.another()
        [date] = visit.answer(request).values("date")
        assert (date[:4] in _DAYS, date[-4:], len(date)) == (True, b" GMT", 29), date


@should("RFC 9110 §9.3.2")
def head_has_the_fields_of_get(visit: Visit) -> None:
    """HEAD has the fields that GET has."""
    got, head = visit.good(ask()), visit.good(ask(start=b"HEAD PAGE HTTP/1.1"))

    def names(message: object) -> list[bytes]:
        return [name.lower() for name, _ in message.fields]  # type: ignore[attr-defined]

    assert names(got) == names(head)
    assert got.values("content-length") == head.values("content-length")


@should("RFC 9110 §8.3")
def type_of_content(visit: Visit) -> None:
    """Content has its type."""
    [kind] = visit.good(ask()).values("content-type")
    assert kind.startswith(b"text/html"), kind


@should("RFC 9110 §10.2.4")
def no_details_of_the_server(visit: Visit) -> None:
    """No answer tells which software in which version made it."""
    for request in (ask(), ask(start=b"GET /nowhere HTTP/1.1"), b"nonsense\r\n\r\n"):
        got = visit.answer(request)
        assert b"twisted" not in got.raw.lower()
        assert not any(digit in value for value in got.values("server") for digit in b"0123456789")


@useful("Fetch, X-Content-Type-Options")
def not_guessed(visit: Visit) -> None:
    """Every answer forbids browsers to guess what it is."""
    for request in (ask(), ask(start=b"GET /nowhere HTTP/1.1"), b"nonsense\r\n\r\n"):
        assert visit.answer(request).values("x-content-type-options") == [b"nosniff"]


# -- conditions and codings --------------------------------------------------------------------------------


def _tag(visit: Visit) -> bytes:
    [tag] = visit.good(ask(start=b"GET KEPT HTTP/1.1")).values("etag")
    return tag


@should("RFC 9110 §13.1.2")
def not_modified(visit: Visit) -> None:
    """Who has the content already gets 304 with its tag and no content, and the connection goes on."""
    tag = _tag(visit)
    for known in (tag, b"W/" + tag, b'"x", ' + tag, b"*"):
        for method in (b"GET", b"HEAD"):
            got = visit.answer(ask(b"If-None-Match: " + known, start=method + b" KEPT HTTP/1.1"))
            assert (got.status, got.values("etag")) == (304, [tag]), got.raw
    visit.goes_on()


@must("RFC 9110 §13.1.2")
def modified(visit: Visit) -> None:
    """Who has other content gets all of it, whatever date is told beside."""
    since = b"If-Modified-Since: Fri, 31 Dec 2060 23:59:59 GMT"
    visit.good(ask(b'If-None-Match: "other"', since, start=b"GET KEPT HTTP/1.1"))


@must("RFC 9110 §13.1.1")
def only_if_it_is_this(visit: Visit) -> None:
    """A request for one content only is not answered with another."""
    visit.refused(ask(b'If-Match: "other"', start=b"GET KEPT HTTP/1.1"), 412, closes=False)
    visit.good(ask(b"If-Match: " + _tag(visit), start=b"GET KEPT HTTP/1.1"))


@must("RFC 9110 §13.1.3")
def dates_that_are_none(visit: Visit) -> None:
    """A condition that is no date is none."""
    visit.good(ask(b"If-Modified-Since: yesterday", start=b"GET KEPT HTTP/1.1"))


@must("RFC 9110 §12.5.3")
def gzip_only_if_asked(visit: Visit) -> None:
    """Content is in gzip only for who takes it."""
    for lines in ((), (b"Accept-Encoding: identity",), (b"Accept-Encoding: gzip;q=0",)):
        assert not visit.good(ask(*lines, start=b"GET KEPT HTTP/1.1")).has("content-encoding")


@should("RFC 9110 §12.5.5")
def gzip_is_told(visit: Visit) -> None:
    """Where content is in gzip, caches are told what it varies by."""
    got = visit.good(ask(b"Accept-Encoding: gzip", start=b"GET KEPT HTTP/1.1"))
    if got.has("content-encoding"):
        assert b"accept-encoding" in [name.lower() for name in got.listed("vary")]
        assert got.body[:2] == b"\x1f\x8b"


# -- what may break a reader further in --------------------------------------------------------------------


_ODD_PATHS = (
    *(b"/%", b"/%zz", b"/%2", b"/%00", b"/%c0%af", b"/%c0%ae%c0%ae/", b"/%ed%a0%80", b"/%ff%fe"),
    *(b"/..%2f..%2fetc/passwd", b"/../../etc/passwd", b"/%2e%2e/", b"//evil.example/", b"/%0d%0aX:%201"),
    *(b"/?%zz=%", b"/?a=%00&%ff", b"/" + b"%25" * 2000),
)


@useful("RFC 3986 §2.1")
def bad_percents(visit: Visit) -> None:
    """Bad escapes, NUL, overlong UTF-8, half a character and dots are some page, or none: never a fault."""
    for path in _ODD_PATHS:
        visit.another()
        got = visit.answer(ask(start=b"GET " + path + b" HTTP/1.1"))
        assert got.status < 500, (path, got.status)
        assert not any(value.startswith(b"//") for value in got.values("location")), path
        assert not got.has("x"), path


@useful("RFC 7578")
def bad_forms(visit: Visit) -> None:
    """Forms that are none are refused, or nothing is done: never a fault."""
    multipart = b"Content-Type: multipart/form-data"
    for kind, body in (
        (multipart, b"x"),
        (multipart + b"; boundary=", b"--\r\n\r\n----"),
        (multipart + b"; boundary=b", b"--b\r\n\r\n\r\n--b--"),
        (multipart + b"; boundary=b", b'--b\r\nContent-Disposition: form-data; name="\x00"\r\n\r\nx'),
        (multipart + b"; boundary=" + b"b" * 500, b"--b\r\n"),
        (b"Content-Type: application/x-www-form-urlencoded", b"%zz=%&&&=&\x00\xff=1"),
        (b"Content-Type: application/x-www-form-urlencoded", b"a&" * 20_000),
        (b"Content-Type: application/json", b"[" * 50_000),
        (b"Content-Type: application/json", b'{"token":"\xff\xfe"}'),
        (b"Content-Type: \x80\xff/;;=", b"x"),
    ):
        got = visit.answer(post(kind, b"Content-Length: %d" % len(body), body=body))
        assert got.status < 500 or got.status == 501, (kind, got.status)
    visit.goes_on()

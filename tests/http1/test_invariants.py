"""What holds for any bytes at all: heads and bodies made, mutated and cut by Hypothesis."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.body import Body, ChunkedBody, chunk, last_chunk
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields, combined, end_to_end, members, values
from netsuite.http1.head import (
    HeadReader,
    RequestHead,
    ResponseHead,
    parse_request,
    parse_response,
    write_request,
    write_response,
)
from netsuite.http1.limits import DEFAULT
from netsuite.http1.target import absolute, authority, host_and_port
from tests.http1.corpus import ANSWERS, REFUSED, REFUSED_ANSWERS, REQUESTS

Head = RequestHead | ResponseHead
Parse = Callable[..., Head]

TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEXT_BYTES = b"\t" + bytes(range(32, 127)) + bytes(range(128, 256))
#: Fields that the rules of framing and routing look at, and so may not be anything.
JUDGED = {b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade"}

tokens = st.lists(st.sampled_from(TOKEN_BYTES), min_size=1, max_size=20).map(bytes)
texts = st.lists(st.sampled_from(TEXT_BYTES), max_size=40).map(lambda codes: bytes(codes).strip(b" \t"))
free_fields = st.lists(st.tuples(tokens.filter(lambda name: name.lower() not in JUDGED), texts), max_size=12)
paths = st.lists(st.sampled_from(b"!\"$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"), max_size=30).map(
    lambda codes: b"/" + bytes(codes)
)
payloads = st.lists(st.binary(max_size=60), max_size=6)
#: Bytes of which heads are made, so that mutations hit what matters.
spice = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b'"',
        b"=",
        b"\xff",
        b"0",
        b"chunked",
        b"\r\n\r\n",
        b"#",
        b"@",
        b"%",
    ]
)


def mutated(corpus: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of ``corpus`` with up to three places cut out or spiced."""

    def apply(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
        for place, length, put in edits:
            at = int(place * len(data))
            data = data[:at] + put + data[at + length :]
        return data

    edit = st.tuples(st.floats(0, 1), st.integers(0, 3), spice | st.binary(max_size=2))
    return st.builds(apply, st.sampled_from(corpus), st.lists(edit, max_size=3))


requests = mutated([*REQUESTS.values(), *(data for _, data in REFUSED.values())])
answers = mutated([*ANSWERS.values(), *REFUSED_ANSWERS.values()])
chunked = mutated(
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b'5;a=b;c="d\\"e"\r\nhello\r\n1 ; x\r\n!\r\n0\r\nA: b\r\nC: d\r\n\r\n',
        b"0\r\nTrailer: x\r\n\r\n",
    ]
)
cuts = st.lists(st.floats(0, 1), max_size=6)


def pieces(data: bytes, places: list[float]) -> list[bytes]:
    """``data`` cut at ``places``."""
    marks = [0, *sorted(int(place * len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(marks)]


def head_of(parse: Parse, parts: list[bytes]) -> object:
    """What comes of ``parts``: the facts of a head and the rest, a refusal, or neither yet."""
    reader = HeadReader(parse, DEFAULT)
    found: tuple[Head, bytes] | None = None
    try:
        for part in parts:
            found = reader.feed(part) if found is None else (found[0], found[1] + part)
    except BadMessage:
        return "refused"
    if found is None:
        return "waiting"
    return [getattr(found[0], name) for name in type(found[0]).__slots__], found[1]


def body_of(parts: list[bytes]) -> object:
    """What comes of ``parts`` as chunks: payload, trailers and the rest, or a refusal."""
    body = ChunkedBody()
    payload, rest = b"", None
    try:
        for part in parts:
            if rest is None:
                run, rest = body.feed(part)
                payload += run
            else:
                rest += part
    except BadMessage:
        return "refused"
    return payload, rest, body.trailers, body.complete


class ParseTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=150)
    @given(tokens.filter(lambda method: method != b"CONNECT"), paths, free_fields)
    def test_request_parsed_is_what_was_written(self, method: bytes, path: bytes, fields: Fields) -> None:
        """Parse after serialise is identity, for requests."""
        fields = [(b"Host", b"a.example"), *fields]
        found = HeadReader(parse_request, DEFAULT).feed(write_request(method, path, fields) + b"NEXT")
        assert found is not None
        head, rest = found
        self.assertEqual((head.method, head.raw_target, head.fields, rest), (method, path, fields, b"NEXT"))

    @settings(deadline=None, max_examples=150)
    @given(st.integers(200, 599), texts, free_fields)
    def test_answer_parsed_is_what_was_written(self, status: int, reason: bytes, fields: Fields) -> None:
        """Parse after serialise is identity, for answers."""
        found = HeadReader(parse_response, DEFAULT).feed(write_response(status, reason, fields) + b"NEXT")
        assert found is not None
        head, rest = found
        self.assertEqual((head.status, head.reason, head.fields, rest), (status, reason, fields, b"NEXT"))

    @settings(deadline=None, max_examples=200)
    @given(requests)
    def test_what_we_send_is_what_we_read(self, data: bytes) -> None:
        """A request that is accepted, written and read again means the same."""
        try:
            found = HeadReader(parse_request, DEFAULT).feed(data)
        except BadMessage:
            return
        if found is None or found[0].version == (1, 0):
            return
        head = found[0]
        block = write_request(head.method, head.raw_target, head.fields)[:-4]
        again = parse_request(block, DEFAULT)
        for name in RequestHead.__slots__:
            self.assertEqual(getattr(again, name), getattr(head, name), name)


class AnyBytesTests(SynchronousTestCase):
    """Never an exception but BadMessage, and the same outcome for every cut."""

    @settings(deadline=None, max_examples=200)
    @given(requests | st.binary(max_size=200), cuts)
    def test_requests(self, data: bytes, places: list[float]) -> None:
        """Any bytes are a request, a refusal or a beginning, and which of them no cut changes."""
        whole, cut = head_of(parse_request, [data]), head_of(parse_request, pieces(data, places))
        self.assertEqual(cut, whole)

    @settings(deadline=None, max_examples=200)
    @given(answers | st.binary(max_size=200), cuts)
    def test_answers(self, data: bytes, places: list[float]) -> None:
        """Any bytes are an answer, a refusal or a beginning, and which of them no cut changes."""
        whole, cut = head_of(parse_response, [data]), head_of(parse_response, pieces(data, places))
        self.assertEqual(cut, whole)

    @settings(deadline=None, max_examples=200)
    @given(chunked | st.binary(max_size=60), cuts)
    def test_chunks(self, data: bytes, places: list[float]) -> None:
        """Any bytes are chunks, a refusal or a beginning, and which of them no cut changes."""
        self.assertEqual(body_of(pieces(data, places)), body_of([data]))

    @settings(deadline=None, max_examples=200)
    @given(
        mutated([b"http://u@a.example:80/b?c#d", b"[2001:db8::1]:443", b"a%41.example:8080"])
        | st.binary(max_size=40)
    )
    def test_targets(self, data: bytes) -> None:
        """Any bytes are a target or a refusal, and a target's authority reads back as the same place."""
        for read in (absolute, authority):
            try:
                target = read(data)
            except BadMessage:
                continue
            host, port = host_and_port(target.authority)
            self.assertEqual(host, target.host)
            self.assertIn(port, (target.port, None))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(tokens | st.sampled_from([b"Connection", b"TE"]), texts), max_size=8))
    def test_fields(self, fields: Fields) -> None:
        """What passes is part of what came, in order, and every finder finds in the same lines."""
        passed = end_to_end(fields)
        rest = iter(fields)
        self.assertTrue(all(field in rest for field in passed))
        for name, value in combined(fields).items():
            self.assertEqual(value, b", ".join(values(fields, name)))
            self.assertTrue(all(member == member.lower().strip() for member in members(fields, name)))


class ChunkTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(payloads, free_fields, cuts)
    def test_round_trip(self, parts: list[bytes], trailers: Fields, places: list[float]) -> None:
        """Payload that is chunked and cut anywhere comes back whole, and what follows is left."""
        data = b"".join(map(chunk, parts)) + last_chunk(trailers) + b"NEXT"
        outcome = body_of(pieces(data, places))
        assert isinstance(outcome, tuple)
        self.assertEqual((outcome[0], outcome[1], outcome[3]), (b"".join(parts), b"NEXT", True))
        self.assertTrue(all(field in trailers for field in outcome[2]))

    @settings(deadline=None, max_examples=100)
    @given(payloads, st.integers(0, 400))
    def test_no_true_prefix_is_whole(self, parts: list[bytes], lacking: int) -> None:
        """A chunked body that lacks its end is never taken for whole."""
        data = b"".join(map(chunk, parts)) + last_chunk([])
        body: Body = ChunkedBody()
        _, rest = body.feed(data[: max(0, len(data) - 1 - lacking)])
        self.assertIsNone(rest)
        self.assertFalse(body.complete)

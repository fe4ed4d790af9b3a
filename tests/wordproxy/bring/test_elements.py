"""The elements of an array in a JSON document, however it is cut and whatever it is."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.bring import elements
from netsuite.wordproxy.bring.elements import Elements

PATH = (b"log", b"entries")

_TEXT = st.text(st.sampled_from('ab"\\{}[]:,é中\n\u2028'), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT | st.sampled_from(["log", "entries"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_TEXT | st.just("entries"), inner, max_size=3)
    ),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_TEXT, _VALUES, max_size=3)


def found(data: bytes, block: int = 1 << 18, most: int = 1 << 20) -> tuple[list[Any], bool]:
    """What is found in a document read by blocks of that size; whether the array was whole."""
    before, elements.BLOCK = elements.BLOCK, block
    try:
        reader = Elements(io.BytesIO(data), PATH, most)
        return list(reader), reader.is_whole
    finally:
        elements.BLOCK = before


class ElementTests(SynchronousTestCase):
    """Documents of all sorts."""

    @settings(deadline=None, max_examples=200)
    @given(
        entries=st.lists(_OBJECTS, max_size=4),
        before=st.dictionaries(_TEXT | st.just("entries"), _VALUES, max_size=3),
        after=_OBJECTS,
        block=st.integers(1, 40),
        indent=st.sampled_from([None, 1]),
        ascii_only=st.booleans(),
    )
    def test_as_a_parser_finds_them(
        self, entries: Any, before: Any, after: Any, block: int, indent: Any, ascii_only: bool
    ) -> None:
        """Each element is found once, in order, whatever stands around it and wherever blocks end."""
        before.pop("log", None)
        around = {key: value for key, value in after.items() if key != "entries"}
        document = {**before, "log": {**around, "entries": entries, "x": before}, "y": after}
        data = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
        pieces, is_whole = found(data, block)
        self.assertEqual([json.loads(piece) for piece in pieces], entries)
        self.assertTrue(is_whole)

    @settings(deadline=None, max_examples=200)
    @given(data=st.binary(max_size=200) | st.text('{}[]":,\\log entries', max_size=200).map(str.encode))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever the bytes are, there is an end and no exception, the same at any cut."""
        data = b'{"log":{"entries":[' + data
        self.assertEqual(found(data), found(data, 1))

    def test_cut(self) -> None:
        """A document that ends too soon gives the elements before its end, and says that it isn't whole."""
        data = b'{"log":{"entries":[{"a":1},{"b":[2]},{"c":3}]}}'
        for end in range(len(data)):
            pieces, is_whole = found(data[:end])
            self.assertEqual(pieces, [p for p in (b'{"a":1}', b'{"b":[2]}', b'{"c":3}') if p in data[:end]])
            self.assertEqual(is_whole, data[:end].count(b"]") == 2, end)

    def test_elsewhere(self) -> None:
        """An array of that name anywhere else is none."""
        for text in (
            '{"entries":[{}]}',
            '{"log":[{"entries":[{}]}]}',
            '{"log":{"entries":{"entries":[{}]}}}',
            '{"a":{"log":{"entries":[{}]}}}',
            '[{"log":{"entries":[{}]}}]',
            '{"log":{"pages":[{"entries":[{}]}]}}',
            '{"x":"log","y":{"entries":[{}]}}',
            "",
            "[]",
        ):
            self.assertEqual(found(text.encode()), ([], False), text)

    def test_bound(self) -> None:
        """An element over the bound is told as such, and those around it are found."""
        data = b'{"log":{"entries":[{"a":1},{"b":"%s"},{"c":3}]}}' % (b"x" * 1000)
        for block in (7, 1 << 18):
            self.assertEqual(found(data, block, 100)[0], [b'{"a":1}', None, b'{"c":3}'])

    def test_deep(self) -> None:
        """However deep an element is nested, nothing recurses."""
        deep = b"[" * 300_000 + b"]" * 300_000
        pieces, is_whole = found(b'{"log":{"entries":[{"a":' + deep + b"},{}]}}")
        self.assertEqual((len(pieces), is_whole), (2, True))

"""JSON with half characters."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.bring.mending import mended

_TEXTS = st.text(st.characters(exclude_categories=()) | st.sampled_from('\\u"\ud83d\ude00dD89'), max_size=12)


def whole(text: str) -> str:
    """The text with U+FFFD for half a character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class MendingTests(SynchronousTestCase):
    """Texts of all sorts."""

    @settings(deadline=None, max_examples=200)
    @given(texts=st.lists(_TEXTS, max_size=4))
    def test_halves(self, texts: list[str]) -> None:
        """Each half character is U+FFFD, all else is as it was."""
        texts = [whole(text) if "\ud83d\ude00" in text else text for text in texts]
        data = mended(json.dumps(texts).encode())
        self.assertEqual(json.loads(data), [whole(text) for text in texts])

    @settings(deadline=None, max_examples=200)
    @given(data=st.binary(max_size=50))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes become UTF-8, and mending them again changes nothing."""
        once = mended(data)
        once.decode()
        self.assertEqual(mended(once), once)

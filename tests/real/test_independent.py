"""The second count counts as FEATURES has it, on pages small enough to be counted by hand."""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.real.independent import count_all, require_node


class IndependentTests(SynchronousTestCase):
    """Each rule, one page."""

    def counted(self, body: str) -> Counter[str]:
        """The words of a page with this body."""
        [counter] = count_all([f"<!doctype html><title>Not this</title><body>{body}".encode()])
        return counter

    def words(self, body: str) -> list[str]:
        """The words of a page with this body, sorted, each as often as it occurs."""
        return sorted(self.counted(body).elements())

    def test_words(self) -> None:
        """An apostrophe joins, a hyphen doesn't, and a number is no word."""
        self.assertEqual(
            self.words("Don’t don't well-known 3.14 x2"), ["don't"] * 2 + ["known", "well", "x2"]
        )

    def test_elements(self) -> None:
        """Blocks, cells and line ends separate; inline elements, wbr and comments don't."""
        page = "<p>a<b>b</b>c<!-- x -->d<wbr>e<p>f<br>g<table><td>h<td>i</table><ul><li>j<li>k</ul>l"
        self.assertEqual(self.words(page), ["abcde", *"fghijkl"])

    def test_unseen(self) -> None:
        """What a reader does not see is no text."""
        page = (
            "<script>a</script><style>b</style><noscript>c</noscript><template>d</template><svg><text>e</text></svg>"
            "<math><mi>f</mi></math><textarea>g</textarea><select><option>h</select><p hidden>i<b>j</b></p>"
            "<p aria-hidden=true>k</p><img alt=l title=m><input placeholder=n><p aria-hidden=false>seen</p>"
        )
        self.assertEqual(self.words(page), ["seen"])

    def test_compared(self) -> None:
        """Case, composition, soft hyphens and joiners make no difference."""
        self.assertEqual(self.counted("Straße STRASSE cafe\u0301 CAFÉ ca\u00adfé"), {"strasse": 2, "café": 3})

    def test_hangul(self) -> None:
        """A Korean particle after a Latin word is a word of its own, as ICU has it."""
        self.assertEqual(self.words("Debian의 서버는"), ["debian", "서버는", "의"])

    def test_dictionaries(self) -> None:
        """Chinese, Japanese and Thai are cut by dictionaries, and Latin words in them are kept."""
        require_node()
        self.assertEqual(self.words("我喜欢学习Debian"), ["debian", "喜欢", "学习", "我"])
        self.assertEqual(self.words("日本語を勉強する"), ["する", "を", "勉強", "日本語"])
        self.assertEqual(self.words("สวัสดีชาวโลก"), ["ชาว", "สวัสดี", "โลก"])

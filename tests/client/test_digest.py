"""Challenges read, and answered by Digest and Basic: the RFC's own examples first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client import digest
from netsuite.client.challenge import Challenge, challenges
from netsuite.client.credentials import Wallet, basic, for_origin, is_secret
from netsuite.client.url import Login
from netsuite.outcome import Failed

SCHEMES = ["digest", "negotiate", "basic", "newauth", "bearer"]
MUFASA = Login("Mufasa", "Circle of Life")
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


class ChallengeTests(SynchronousTestCase):
    """What a server asks for."""

    def test_several(self) -> None:
        """Several challenges in one line and in several, quoted, escaped and bare."""
        found = challenges(
            [
                b'Digest realm="a, b", qop="auth,auth-int", algorithm=SHA-256, nonce="x\\"y", stale=TRUE',
                b'Negotiate dGVzdA==, Basic realm="c"  ,, Newauth, Bearer',
            ]
        )
        self.assertEqual([each.scheme for each in found], SCHEMES)
        self.assertEqual(found[0].parameters["nonce"], 'x"y')
        self.assertEqual((found[0].realm, found[2].realm, found[3].realm), ("a, b", "c", ""))

    @given(st.lists(st.binary(max_size=80), max_size=3))
    @settings(deadline=None, max_examples=100)
    def test_anything(self, lines: list[bytes]) -> None:
        """Whatever comes is read to its end, and never raises."""
        self.assertLessEqual(len(challenges(lines)), 16)


class VectorTests(SynchronousTestCase):
    """RFC 7616 §3.9, RFC 2617 §3.5."""

    def answered(self, algorithm: str) -> str:
        """The response of §3.9.1 by an algorithm."""
        given = {
            "realm": "http-auth@example.org",
            "qop": "auth, auth-int",
            "algorithm": algorithm,
            "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        }
        told = digest.authorization(
            Challenge("digest", given), MUFASA, b"GET", b"/dir/index.html", cnonce=CNONCE
        )
        return told.decode()

    def test_md5_and_sha256(self) -> None:
        """§3.9.1."""
        self.assertIn('response="8ca523f5e9506fed4657c9700eebdbec"', self.answered("MD5"))
        told = self.answered("SHA-256")
        response = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        for part in (
            'username="Mufasa"',
            'realm="http-auth@example.org"',
            'uri="/dir/index.html"',
            "algorithm=SHA-256",
            "nc=00000001",
            "qop=auth",
            f'cnonce="{CNONCE}"',
            f'response="{response}"',
            'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
        ):
            self.assertIn(part, told)

    def test_sha512_256_and_userhash(self) -> None:
        """§3.9.2: a name outside ASCII, hashed, with errata 4897's values."""
        given = {
            "realm": "api@example.org",
            "qop": "auth",
            "algorithm": "SHA-512-256",
            "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            "opaque": "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
            "charset": "UTF-8",
            "userhash": "true",
        }
        told = digest.authorization(
            Challenge("digest", given),
            Login("Jäsøn Doe", "Secret, or not?"),
            b"GET",
            b"/doe.json",
            cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        ).decode()
        self.assertIn("userhash=true", told)
        self.assertIn('username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"', told)
        self.assertIn('response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"', told)

    def test_before_qop(self) -> None:
        """RFC 2069's form, without qop, as RFC 2617 §3.5 has it but for that."""
        given = {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
        told = digest.authorization(
            Challenge("digest", given), Login("Mufasa", "Circle Of Life"), b"GET", b"/dir/index.html"
        )
        self.assertIn(b'response="670fd8c2df070c60b045671b8b24ff02"', told)
        self.assertNotIn(b"qop", told)

    def test_choice(self) -> None:
        """The best that we can do is taken, in whatever order it is offered; what we can't, is not."""
        offered = [
            Challenge("digest", {"nonce": "1", "algorithm": "MD5"}),
            Challenge("digest", {"nonce": "2", "algorithm": "SHA-256", "qop": "auth"}),
            Challenge("digest", {"nonce": "3", "algorithm": "SHA-999"}),
            Challenge("digest", {"nonce": "4", "algorithm": "SHA-512-256", "qop": "auth-conf"}),
            Challenge("digest", {"algorithm": "SHA-512-256"}),
        ]
        self.assertEqual(digest.choose(offered), offered[1])
        self.assertIsNone(digest.choose(offered[2:]))

    def test_foreign_letters(self) -> None:
        """A name outside ASCII that may not be hashed goes as ``username*``."""
        told = digest.authorization(
            Challenge("digest", {"realm": "r", "nonce": "n"}), Login("ü b", "p"), b"GET", b"/"
        )
        self.assertIn(b"username*=UTF-8''%C3%BC%20b", told)

    def test_splitting(self) -> None:
        """A challenge with a control character in it is not answered."""
        with self.assertRaises(ValueError):
            digest.authorization(Challenge("digest", {"realm": "a\nb", "nonce": "n"}), MUFASA, b"GET", b"/")


class WalletTests(SynchronousTestCase):
    """Who is told what."""

    HERE, THERE = (b"http", b"h", 80), (b"http", b"h", 81)

    def test_own_origin_only(self) -> None:
        """A name and password are for one scheme, host and port; asked by another, nothing is said."""
        wallet = Wallet()
        wallet.put(self.HERE, MUFASA)
        asked = [Challenge("basic", {"realm": "r"})]
        self.assertIsNone(wallet.authorization(self.HERE, b"GET", b"/", b""))
        self.assertFalse(wallet.answer(self.THERE, asked, sent=None))
        self.assertTrue(wallet.answer(self.HERE, asked, sent=None))
        self.assertEqual(wallet.authorization(self.HERE, b"GET", b"/", b""), basic(MUFASA))
        self.assertIsNone(wallet.authorization(self.THERE, b"GET", b"/", b""))

    def test_refused_once(self) -> None:
        """What was refused is not sent again, but for a nonce that has grown old."""
        wallet = Wallet()
        wallet.put(self.HERE, MUFASA)
        fresh = Challenge("digest", {"realm": "r", "nonce": "1", "qop": "auth"})
        self.assertTrue(wallet.answer(self.HERE, [fresh], sent=None))
        sent = wallet.authorization(self.HERE, b"GET", b"/", b"")
        assert sent is not None
        self.assertFalse(wallet.answer(self.HERE, [fresh], sent=sent))
        stale = Challenge("digest", {**fresh.parameters, "nonce": "2", "stale": "true"})
        self.assertTrue(wallet.answer(self.HERE, [stale], sent=sent))
        self.assertFalse(wallet.answer(self.HERE, [Challenge("basic")], sent=b"Basic eDp5"))

    def test_counting(self) -> None:
        """A nonce used again is counted."""
        wallet = Wallet()
        wallet.put(self.HERE, MUFASA)
        wallet.answer(self.HERE, [Challenge("digest", {"nonce": "1", "qop": "auth"})], sent=None)
        told = [wallet.authorization(self.HERE, b"GET", b"/", b"") or b"" for _ in range(2)]
        self.assertIn(b"nc=00000001", told[0])
        self.assertIn(b"nc=00000002", told[1])

    def test_at_once_and_tokens(self) -> None:
        """Basic goes at once where that is asked for; a token always does, to its origin."""
        wallet = Wallet(basic_at_once=True)
        wallet.put(self.HERE, MUFASA)
        wallet.put_token(self.THERE, "abc")
        self.assertEqual(wallet.authorization(self.HERE, b"GET", b"/", b""), basic(MUFASA))
        self.assertEqual(wallet.authorization(self.THERE, b"GET", b"/", b""), b"Bearer abc")

    def test_own_fields(self) -> None:
        """A user's fields that carry secrets stay with the origin they were written for."""
        fields = [(b"Accept", b"x"), (b"Cookie", b"c"), (b"authorization", b"a"), (b"X-Api-Key", b"k")]
        self.assertEqual(for_origin(fields, self.HERE, self.HERE), fields)
        self.assertEqual(for_origin(fields, self.HERE, self.THERE), fields[:1])
        self.assertFalse(is_secret(b"Accept-Language"))

    def test_basic(self) -> None:
        """RFC 7617 §2; a name that can't be written is refused."""
        self.assertEqual(basic(Login("Aladdin", "open sesame")), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        self.assertEqual(basic(Login("test", "123£")), b"Basic dGVzdDoxMjPCow==")
        for login in (Login("a:b", "c"), Login("a", "b\n")):
            with self.assertRaises(Failed):
                basic(login)

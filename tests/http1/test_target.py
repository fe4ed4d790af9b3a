"""Where a request goes: one reading of each target, or none (RFC 9112 §3.2, RFC 3986)."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import parse_request
from netsuite.http1.limits import DEFAULT
from netsuite.http1.target import Target, absolute, authority, host_and_port, request_target

SIX = b"2001:db8::1"


class AbsoluteTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Scheme and host in lower case, the default port, ``/`` for no path (RFC 9112 §3.2.2)."""
        for raw, expected in (
            (b"http://a.example/", (b"http", b"a.example", 80, b"/")),
            (b"HTTP://A.EXAMPLE/Path?Query", (b"http", b"a.example", 80, b"/Path?Query")),
            (b"http://a.example", (b"http", b"a.example", 80, b"/")),
            (b"http://a.example?q", (b"http", b"a.example", 80, b"/?q")),
            (b"http://a.example:/", (b"http", b"a.example", 80, b"/")),
            (b"http://a.example:8080/", (b"http", b"a.example", 8080, b"/")),
            (b"http://a.example:00080/", (b"http", b"a.example", 80, b"/")),
            (b"https://a.example/", (b"https", b"a.example", 443, b"/")),
            (b"http://192.0.2.7:1/", (b"http", b"192.0.2.7", 1, b"/")),
            (b"http://[2001:DB8::1]/", (b"http", SIX, 80, b"/")),
            (b"http://[2001:db8::1]:65535/", (b"http", SIX, 65535, b"/")),
            (b"http://[::ffff:192.0.2.7]/", (b"http", b"::ffff:192.0.2.7", 80, b"/")),
            (b"http://a_b-c.d~/", (b"http", b"a_b-c.d~", 80, b"/")),
            (b"http://localhost./", (b"http", b"localhost.", 80, b"/")),
            (b"ws://a.example:9/", (b"ws", b"a.example", 9, b"/")),
            (b"http://a.example//b.example/@/:/?x=http://u@c/", None),
        ):
            target = absolute(raw)
            expected = expected or (b"http", b"a.example", 80, raw[len(b"http://a.example") :])
            self.assertEqual(target, Target(*expected), raw)

    def test_escaped_host(self) -> None:
        """Needless escapes in a host are undone, so that it meets its rules; bad ones are refused."""
        for raw, host in (
            (b"http://%61.ex%41mple%2e/", b"a.example."),
            (b"http://a%2Fb/", b"a%2fb"),
            (b"http://%C3%A9/", b"%c3%a9"),
            (b"http://%2541/", b"%2541"),
        ):
            self.assertEqual(absolute(raw).host, host)
        for raw in (b"http://a%/", b"http://a%4/", b"http://%zz/"):
            self.assertRaises(BadMessage, absolute, raw)

    def test_refused(self) -> None:
        """What readers differ on is 400."""
        for raw, why in (
            (b"http://u@a.example/", "user information"),
            (b"http://u:p@a.example/", "user information"),
            (b"http://a.example@b.example:80/", "user information"),
            (b"http://a.example/#f", "fragment"),
            (b"http:///path", "without a host"),
            (b"http://", "without a host"),
            (b"http://:80/", "without a host"),
            (b"http://?q", "without a host"),
            (b"http://a.example:0/", "port"),
            (b"http://a.example:65536/", "port"),
            (b"http://a.example:000080/", "port"),
            (b"http://a.example:99999999999999999999/", "port"),
            (b"http://a.example:8o/", "host or port"),
            (b"http://a.example:-1/", "host or port"),
            (b"http://a.example:80:80/", "host or port"),
            (b"http://a.example\\@b.example/", "user information"),
            (b"http://a.example\\b/", "host or port"),
            (b"http://a<b/", "host or port"),
            (b"http://2001:db8::1/", "host or port"),
            (b"http://[]/", "host or port"),
            (b"http://[2001:db8::1/", "host or port"),
            (b"http://2001:db8::1]/", "host or port"),
            (b"http://[2001:db8::1]x/", "host or port"),
            (b"http://[1.2.3.4]/", "no IPv6"),
            (b"http://[:::1]/", "no IPv6"),
            (b"http://[fe80::1%25eth0]/", "host or port"),
            (b"http://[v1.x]/", "host or port"),
            (b"http:/a.example/", "neither"),
            (b"http:a.example", "neither"),
            (b"://a.example/", "neither"),
            (b"1http://a.example/", "neither"),
            (b"a.example/", "neither"),
            (b"", "neither"),
        ):
            with self.assertRaises(BadMessage, msg=raw) as caught:
                absolute(raw)
            self.assertEqual(caught.exception.status, 400)
            self.assertIn(why, caught.exception.reason, raw)

    def test_longest_host(self) -> None:
        """A host has at most 255 bytes."""
        self.assertEqual(len(absolute(b"http://" + b"a" * 255).host), 255)
        self.assertRaises(BadMessage, absolute, b"http://" + b"a" * 256)


class AuthorityTests(SynchronousTestCase):
    def test_read(self) -> None:
        """A tunnel's target is a host and a port (RFC 9112 §3.2.3)."""
        self.assertEqual(authority(b"A.example:443"), Target(b"", b"a.example", 443, b""))
        self.assertEqual(authority(b"[2001:DB8::1]:443"), Target(b"", SIX, 443, b""))

    def test_refused(self) -> None:
        """Without a port, or with more than host and port, it is 400."""
        for raw in (b"a.example", b"a.example:", b":443", b"u@a:443", b"a:443/", b"http://a:443", b"[a]:443"):
            self.assertRaises(BadMessage, authority, raw)

    def test_written(self) -> None:
        """Host's value has brackets where they are needed and the port where it is not the default."""
        for target, expected in (
            (Target(b"http", b"a", 80, b"/"), b"a"),
            (Target(b"http", b"a", 443, b"/"), b"a:443"),
            (Target(b"https", b"a", 443, b"/"), b"a"),
            (Target(b"http", SIX, 80, b"/"), b"[2001:db8::1]"),
            (Target(b"http", SIX, 81, b"/"), b"[2001:db8::1]:81"),
            (Target(b"", b"a", 443, b""), b"a:443"),
        ):
            self.assertEqual(target.authority, expected)
            self.assertEqual(host_and_port(expected)[0], target.host)


class FormTests(SynchronousTestCase):
    """RFC 9112 §3.2: which form for which method."""

    def test_no_target(self) -> None:
        """A path and ``*`` name no host."""
        self.assertIsNone(request_target(b"GET", b"/a?b"))
        self.assertIsNone(request_target(b"GET", b"//a.example/"))
        self.assertIsNone(request_target(b"OPTIONS", b"*"))

    def test_options(self) -> None:
        """OPTIONS for a whole host becomes ``*``, one for a path does not (RFC 9112 §3.2.4)."""
        for raw, path in (
            (b"http://a.example", b"*"),
            (b"http://a.example:8001", b"*"),
            (b"http://a.example/", b"/"),
            (b"http://a.example?q", b"/?q"),
        ):
            target = request_target(b"OPTIONS", raw)
            assert target is not None
            self.assertEqual(target.path, path)

    def test_refused(self) -> None:
        """A form that the method does not have is 400."""
        for method, raw in (
            (b"GET", b"*"),
            (b"GET", b"a.example:80"),
            (b"GET", b"?q"),
            (b"CONNECT", b"/"),
            (b"CONNECT", b"*"),
            (b"CONNECT", b"http://a/"),
            (b"OPTIONS", b"**"),
        ):
            self.assertRaises(BadMessage, request_target, method, raw)


class HostTests(SynchronousTestCase):
    """RFC 9112 §3.2.2: Host and an absolute target name the same."""

    def accepted(self, line: bytes, host: bytes) -> bool:
        try:
            parse_request(line + b" HTTP/1.1\r\nHost: " + host, DEFAULT)
        except BadMessage as error:
            self.assertEqual(error.status, 400)
            return False
        return True

    def test_same(self) -> None:
        """Case and a default port that is written make no difference."""
        for url, host in (
            (b"http://a.example/", b"a.example"),
            (b"http://A.example/", b"a.EXAMPLE"),
            (b"http://a.example:80/", b"a.example"),
            (b"http://a.example/", b"a.example:80"),
            (b"http://a.example/", b"a.example:"),
            (b"http://a.example:8080/", b"a.example:8080"),
            (b"http://[2001:db8::1]/", b"[2001:DB8::1]:80"),
            (b"https://a.example/", b"a.example:443"),
            (b"http://%61.example/", b"a.example"),
        ):
            self.assertTrue(self.accepted(b"GET " + url, host), (url, host))

    def test_other(self) -> None:
        """Another name, another port, or no valid Host is refused."""
        for url, host in (
            (b"http://a.example/", b"b.example"),
            (b"http://a.example/", b"a.example."),
            (b"http://a.example/", b"a.example:81"),
            (b"http://a.example/", b"a.example:443"),
            (b"http://a.example:81/", b"a.example"),
            (b"http://[2001:db8::1]/", b"2001:db8::1"),
            (b"http://a.example/", b"u@a.example"),
            (b"http://a.example/", b""),
            (b"/", b""),
            (b"/", b"a b"),
            (b"/", b"a/b"),
            (b"/", b"[::g]"),
            (b"/", b"a%4"),
        ):
            self.assertFalse(self.accepted(b"GET " + url, host), (url, host))

    def test_tunnel(self) -> None:
        """Host of CONNECT is its target; clients may leave out 443 and 80, and no other port."""
        for raw, host, expected in (
            (b"a.example:443", b"a.example:443", True),
            (b"a.example:443", b"A.example", True),
            (b"a.example:80", b"a.example", True),
            (b"a.example:8443", b"a.example", False),
            (b"a.example:443", b"a.example:80", False),
            (b"a.example:443", b"b.example:443", False),
        ):
            self.assertEqual(self.accepted(b"CONNECT " + raw, host), expected, (raw, host))

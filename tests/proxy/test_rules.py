"""Rules on host, network, port, method, user and time."""

from __future__ import annotations

import datetime
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.rule import RULE_CHARACTERS, Hosts, one_form
from netsuite.proxy.rules import HOSTS_KEPT, RULES_MAX, Acl, Asked, Pending, Rule, Verdict, parse_rule

#: A Monday morning.
MONDAY = datetime.datetime(2026, 1, 5, 10, 0)


def acl(*texts: str, now: datetime.datetime = MONDAY) -> Acl:
    """Return the rules of ``+text`` (allow) and ``-text`` (deny)."""
    return Acl([parse_rule(text[1:], text[0] == "+") for text in texts], lambda: now)


def ask(host: str = "www.example.org", port: int = 80, method: str = "GET", user: str | None = None) -> Asked:
    """Return what a client asks for."""
    return Asked(method.encode(), host.encode(), port, user)


def verdict(rules: Acl, asked: Asked, address: str = "") -> Verdict:
    """Return the verdict, for an address if the rules wait for one."""
    judged = rules.judge(asked)
    return judged.at(address) if isinstance(judged, Pending) else judged


class PartTests(SynchronousTestCase):
    """Which requests a part fits."""

    def check(self, text: str, asked: Asked, fits: bool) -> None:
        """A rule of ``text`` fits ``asked``, or doesn't."""
        self.assertEqual(verdict(acl("-" + text), asked).allowed, not fits, (text, asked))

    def test_hosts(self) -> None:
        """A host is named wholly, by stars, or by a dot for a domain and all below it."""
        for text, host, fits in (
            ("host:example.org", "example.org", True),
            ("host:example.org", "www.example.org", False),
            ("host:example.org", "example.org.evil.example", False),
            ("host:*.example.org", "www.example.org", True),
            ("host:*.example.org", "a.b.example.org", True),
            ("host:*.example.org", "example.org", False),
            ("host:*.example.org", "notexample.org", False),
            ("host:.example.org", "example.org", True),
            ("host:.example.org", "a.b.example.org", True),
            ("host:.example.org", "notexample.org", False),
            ("host:*", "anything", True),
            ("host:*", "::1", True),
            ("host:www.*", "www.example.org", True),
            ("host:www.*", "wwww.example.org", False),
            ("host:ad*.example.*", "ads.example.net", True),
            ("host:ad*.example.*", "ads.example", False),
            ("host:*track*", "a.tracker.example", True),
            ("host:*ab*ab*", "abab", True),
            ("host:*ab*ab*", "aba", False),
            ("host:aa*aa", "aaa", False),
            ("host:aa*aa", "aaaa", True),
            ("host:**.org", "example.org", True),
            ("host:my_host", "my_host", True),
        ):
            self.check(text, ask(host), fits)

    def test_one_form_of_a_name(self) -> None:
        """Case, a dot at the end and an international name's form make no difference."""
        for text, host in (
            ("host:Example.ORG", "example.org"),
            ("host:example.org.", "example.org"),
            ("host:example.org", "EXAMPLE.org."),
            ("host:*.Example.org.", "www.example.org."),
            ("host:bücher.example", "xn--bcher-kva.example"),
            ("host:*.BÜCHER.example", "www.xn--bcher-kva.example"),
            ("host:.bücher。example", "xn--bcher-kva.example"),
            ("host:straße.example", "xn--strae-oqa.example"),
        ):
            self.check(text, ask(host), True)
        self.check("host:straße.example", ask("strasse.example"), False)

    def test_one_form_of_an_address(self) -> None:
        """An address is the same in every spelling that leads to it."""
        for text, host in (
            ("host:127.0.0.1", "127.0.0.1"),
            ("host:127.0.0.1", "127.1"),
            ("host:127.0.0.1", "0x7f.0.0.1"),
            ("host:127.0.0.1", "017700000001"),
            ("host:127.0.0.1", "2130706433"),
            ("host:127.0.0.1", "::ffff:127.0.0.1"),
            ("host:127.0.0.1", "::ffff:7f00:1"),
            ("host:127.0.0.1", "64:ff9b::7f00:1"),
            ("host:0x7f.1", "127.0.0.1"),
            ("host:127.*", "0x7f.1"),
            ("host:[2001:DB8::1]", "2001:db8:0:0:0:0:0:1"),
            ("host:2001:db8::1", "2001:db8::0001"),
        ):
            self.check(text, ask(host), True)
        self.check("host:127.0.0.1", ask("127.0.0.1.example"), False)

    def test_ports(self) -> None:
        """A port, or a range with both its ends."""
        for text, port, fits in (
            ("port:443", 443, True),
            ("port:443", 444, False),
            ("port:1-1023", 1, True),
            ("port:1-1023", 1023, True),
            ("port:1-1023", 1024, False),
        ):
            self.check(text, ask(port=port), fits)

    def test_methods(self) -> None:
        """A method however it is written: some servers take post for POST."""
        self.check("method:POST", ask(method="POST"), True)
        self.check("method:post", ask(method="POST"), True)
        self.check("method:POST", ask(method="post"), True)
        self.check("method:POST", ask(method="POSTS"), False)

    def test_users(self) -> None:
        """A user exactly; whoever did not log in is nobody."""
        self.check("user:ci", ask(user="ci"), True)
        self.check("user:ci", ask(user="CI"), False)
        self.check("user:ci", ask(), False)

    def test_networks(self) -> None:
        """A network holds the address that is dialled, also one hidden in another; never an unknown one."""
        for text, address, fits in (
            ("net:10.0.0.0/8", "10.1.2.3", True),
            ("net:10.0.0.0/8", "11.1.2.3", False),
            ("net:10.0.0.0/8", "::ffff:10.1.2.3", True),
            ("net:10.0.0.0/8", "64:ff9b::a01:203", True),
            ("net:10.0.0.0/8", "2002:a01:203::1", True),
            ("net:64:ff9b::/96", "64:ff9b::a01:203", True),
            ("net:10.0.0.0/8", "fe80::1%eth0", False),
            ("net:fe80::/10", "fe80::1%eth0", True),
            ("net:192.0.2.7", "192.0.2.7", True),
            ("net:10.0.0.0/8", "", False),
            ("net:0.0.0.0/0", "", False),
        ):
            rules = acl("-" + text)
            self.assertIsInstance(rules.judge(ask()), Pending)
            self.assertEqual(verdict(rules, ask(), address).allowed, not fits, (text, address))

    def test_joined(self) -> None:
        """All parts of a rule must fit."""
        rules = acl("-host:*.example.org,port:80,method:POST")
        self.assertFalse(verdict(rules, ask(method="POST")).allowed)
        self.assertTrue(verdict(rules, ask()).allowed)
        self.assertTrue(verdict(rules, ask(method="POST", port=81)).allowed)
        self.assertTrue(verdict(rules, ask("example.com", method="POST")).allowed)

    def test_space_between_parts(self) -> None:
        """Blanks around a part are no part of it."""
        self.assertFalse(verdict(acl("- host:*.org , port:80"), ask()).allowed)


class TimeTests(SynchronousTestCase):
    """Hours and days, by the local clock."""

    def fits(self, text: str, *when: int) -> bool:
        """Return whether a rule fits at ``when``: day of January 2026 (the 5th is a Monday), hour, minute."""
        day, hour, minute = when
        return not verdict(acl("-" + text, now=datetime.datetime(2026, 1, day, hour, minute)), ask()).allowed

    def test_hours_of_days(self) -> None:
        """The first minute is within, the last is not."""
        for when, fits in (
            ((5, 7, 59), False),
            ((5, 8, 0), True),
            ((9, 17, 59), True),
            ((9, 18, 0), False),
            ((10, 12, 0), False),
            ((11, 12, 0), False),
        ):
            self.assertEqual(self.fits("time:Mon-Fri@08:00-18:00", *when), fits, when)

    def test_days(self) -> None:
        """A day alone is the whole day; a range may go over the week's end."""
        self.assertTrue(self.fits("time:Sat", 10, 0, 0))
        self.assertTrue(self.fits("time:sat", 10, 23, 59))
        self.assertFalse(self.fits("time:Sat", 11, 0, 0))
        for day, fits in ((9, False), (10, True), (11, True), (12, True), (13, False)):
            self.assertEqual(self.fits("time:Sat-Mon", day, 12, 0), fits, day)

    def test_hours_of_every_day(self) -> None:
        """Without days, hours are every day's; 24:00 is the day's end."""
        self.assertTrue(self.fits("time:08:00-18:00", 11, 9, 0))
        self.assertTrue(self.fits("time:8:00-24:00", 11, 23, 59))

    def test_over_midnight(self) -> None:
        """Hours over midnight are those of the day on which they start."""
        for when, fits in (
            ((9, 21, 59), False),
            ((9, 22, 0), True),
            ((10, 5, 59), True),
            ((10, 6, 0), False),
            ((10, 22, 30), False),
            ((9, 5, 0), False),
        ):
            self.assertEqual(self.fits("time:Fri@22:00-06:00", *when), fits, when)
        self.assertTrue(self.fits("time:Sun@22:00-06:00", 5, 5, 0))
        self.assertTrue(self.fits("time:22:00-06:00", 7, 1, 0))
        self.assertFalse(self.fits("time:22:00-06:00", 7, 12, 0))

    def test_clock_changes(self) -> None:
        """What the clock shows counts: an hour that comes twice is met twice, one left out never."""
        zone = ZoneInfo("Europe/Berlin")

        def met(day: datetime.datetime, minutes: int) -> int:
            moments = (day.astimezone(datetime.UTC) + datetime.timedelta(minutes=m) for m in range(minutes))
            local = (moment.astimezone(zone) for moment in moments)
            return sum(not verdict(acl("-time:02:00-03:00", now=now), ask()).allowed for now in local)

        self.assertEqual(met(datetime.datetime(2026, 10, 25, tzinfo=zone), 25 * 60), 120)
        self.assertEqual(met(datetime.datetime(2026, 3, 29, tzinfo=zone), 23 * 60), 0)
        self.assertEqual(met(datetime.datetime(2026, 3, 30, tzinfo=zone), 24 * 60), 60)

    def test_now_is_asked_for_each_request(self) -> None:
        """A rule comes into force while the proxy runs, also one whose host was asked for before."""
        clock = [datetime.datetime(2026, 1, 5, 7, 0)]
        rules = Acl([parse_rule("time:08:00-18:00", False)], lambda: clock[0])
        self.assertTrue(verdict(rules, ask()).allowed)
        clock[0] = datetime.datetime(2026, 1, 5, 8, 0)
        self.assertFalse(verdict(rules, ask()).allowed)


class OrderTests(SynchronousTestCase):
    """The first rule that fits decides."""

    def test_no_rules(self) -> None:
        """Without rules all is allowed, and the relay can tell that it need not ask."""
        self.assertFalse(acl().has_rules)
        self.assertEqual(verdict(acl(), ask()), Verdict(True, "default"))

    def test_default(self) -> None:
        """What matches nothing is refused if any rule allows something."""
        self.assertEqual(verdict(acl("-host:other"), ask()), Verdict(True, "default"))
        self.assertEqual(verdict(acl("+host:other"), ask()), Verdict(False, "default"))
        self.assertEqual(verdict(acl("-host:other", "+host:a"), ask()), Verdict(False, "default"))

    def test_first_match(self) -> None:
        """Order decides, not how exact a rule is."""
        self.assertTrue(verdict(acl("+host:*", "-host:www.example.org"), ask()).allowed)
        self.assertFalse(verdict(acl("-host:*.example.org", "+host:www.example.org"), ask()).allowed)
        self.assertTrue(verdict(acl("+host:www.example.org", "-host:*.example.org"), ask()).allowed)

    def test_told(self) -> None:
        """The deciding rule is told as it was written."""
        self.assertEqual(verdict(acl("-host:*.Example.org."), ask()).rule, "deny host:*.Example.org.")
        self.assertEqual(verdict(acl("+ port:80"), ask()).rule, "allow port:80")
        self.assertEqual(verdict(acl("-port:80"), ask()).reason, "rule `deny port:80` refuses this")
        self.assertEqual(verdict(acl("+port:81"), ask()).reason, "no rule allows this")

    def test_pending_keeps_the_order(self) -> None:
        """A network is judged where it stands among the rules: earlier ones decide first, later ones last."""
        rules = acl("-port:22", "+net:192.0.2.0/24", "-host:*.example.org", "+port:80")
        self.assertEqual(rules.judge(ask(port=22)), Verdict(False, "deny port:22"))
        self.assertEqual(verdict(rules, ask(), "192.0.2.1").rule, "allow net:192.0.2.0/24")
        self.assertEqual(verdict(rules, ask(), "198.51.100.1").rule, "deny host:*.example.org")
        self.assertEqual(verdict(rules, ask("example.com"), "198.51.100.1").rule, "allow port:80")
        self.assertEqual(verdict(rules, ask("a", 81), "198.51.100.1"), Verdict(False, "default"))
        self.assertEqual(verdict(rules, ask("a", 81)), Verdict(False, "default"))

    def test_nothing_pending_without_need(self) -> None:
        """A network is not asked about where another part of its rule fits not."""
        self.assertEqual(acl("-net:10.0.0.0/8,port:22").judge(ask()), Verdict(True, "default"))

    def test_one_name_with_two_addresses(self) -> None:
        """Each address that is tried is judged for itself."""
        pending = acl("-net:10.0.0.0/8").judge(ask())
        assert isinstance(pending, Pending)
        self.assertEqual([pending.at(a).allowed for a in ("10.0.0.1", "192.0.2.1", "10.0.0.1")], [0, 1, 0])

    def test_equal(self) -> None:
        """Two lists of the same rules are equal: a reload can tell that nothing changed."""
        self.assertEqual(acl("-port:1"), acl("-port:1"))
        self.assertEqual(hash(acl("-port:1")), hash(acl("-port:1")))
        self.assertNotEqual(acl("-port:1"), acl("+port:1"))


class WrongTests(SynchronousTestCase):
    """What is no rule."""

    def test_refused(self) -> None:
        """A part that can't be read is named."""
        for text, named in (
            ("", "the part ''"),
            ("host", "the part 'host'"),
            ("host:", "the part 'host:'"),
            ("colour:red", "the part 'colour:red'"),
            ("host:a,", "the part ''"),
            ("port:80,443", "the part '443'"),
            ("HOST:a", "the part 'HOST:a'"),
            ("host:a b", "the host"),
            ("host:a..b", "the host"),
            ("host:.", "the host"),
            ("host:a?.org", "the host"),
            ("host:http://a/", "no IPv6 address"),
            ("host:[::1", "no IPv6 address"),
            ("host:1::2::3", "no IPv6 address"),
            ("host:b*ü.org", "the label"),
            ("host:\u2019.org", "the label"),
            ("port:0", "the port"),
            ("port:65536", "the port"),
            ("port:9-1", "the port"),
            ("port:http", "the port"),
            ("net:10.0.0.1/8", "the network"),
            ("net:example.org", "the network"),
            ("method:P OST", "the method"),
            ("method:É", "the method"),
            ("method:GET,method:POST", "two method: parts"),
            ("time:Mon-", "the time"),
            ("time:Mon@", "the time"),
            ("time:@08:00-09:00", "the time"),
            ("time:Mo", "the time"),
            ("time:8-18", "the time"),
            ("time:08:00", "the time"),
            ("time:08:00-08:00", "the time"),
            ("time:24:00-08:00", "the time"),
            ("time:08:60-09:00", "the time"),
            ("time:08:00-24:01", "the time"),
            ("host:" + "a" * RULE_CHARACTERS, "longer than"),
            ("user:a\nb", "cannot be shown"),
        ):
            with self.assertRaises(ValueError) as caught:
                parse_rule(text, True)
            self.assertIn(named, str(caught.exception), text)

    def test_number(self) -> None:
        """So many rules are taken and no more."""
        rules = [Rule("port:1", False)] * RULES_MAX
        self.assertEqual(len(Acl(rules).rules), RULES_MAX)
        with self.assertRaises(ValueError):
            Acl([*rules, rules[0]])

    def test_hosts_kept(self) -> None:
        """What is remembered of hosts asked for has a bound."""
        rules = acl("-host:*.example.org")
        for number in range(3 * HOSTS_KEPT):
            self.assertFalse(verdict(rules, ask(f"{number}.example.org")).allowed)
            self.assertLessEqual(len(rules._kept), HOSTS_KEPT)


_HOSTS = st.text("ab.", min_size=1, max_size=12)
_GLOBS = st.text("ab.*", min_size=1, max_size=10)


def _readable(text: str) -> bool:
    try:
        parse_rule(text, True)
    except ValueError:
        return False
    return True


_RULES = st.tuples(
    st.sampled_from("+-"),
    st.sampled_from(("port:80", "port:1-99", "method:GET", "user:u", "net:10.0.0.0/8", "net:11.0.0.0/8"))
    | st.sampled_from(("host:a", "host:.a", "host:*.a", "host:b.a", "host:*b*", "host:*a,port:80")),
).map("".join)


class InvariantTests(SynchronousTestCase):
    """Whatever the rules."""

    @given(_GLOBS, _HOSTS)
    @settings(deadline=None, max_examples=200)
    def test_stars(self, glob: str, host: str) -> None:
        """Stars mean what they mean in file names."""
        text = glob.rstrip(".")
        if "*" in glob and ".." not in glob and text and _readable("host:" + glob):
            form = one_form(host.encode())
            fits = verdict(acl("-host:" + glob), ask(host)).rule != "default"
            self.assertEqual(fits, fnmatchcase(form.decode(), text))

    @given(st.lists(_RULES, max_size=8), st.sampled_from(("a", "b.a", "c.b.a", "cbc", "x")))
    @settings(deadline=None, max_examples=200)
    def test_first_match_wins(self, texts: list[str], host: str) -> None:
        """The verdict is that of the first rule which alone would decide, else the default."""
        asked, address = ask(host, user="u"), "10.0.0.1"
        alone = (verdict(acl(text), asked, address) for text in texts)
        allows = any(text[0] == "+" for text in texts)
        expected = next((one for one in alone if one.rule != "default"), Verdict(not allows, "default"))
        rules = acl(*texts)
        self.assertEqual(verdict(rules, asked, address), expected)
        self.assertEqual(verdict(rules, asked, address), expected)  # what is kept changes nothing

    @given(st.text(max_size=40))
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, text: str) -> None:
        """Any text is a rule or a ValueError, and a rule keeps its text."""
        for kind in ("", "host:", "net:", "port:", "method:", "user:", "time:"):
            if _readable(kind + text):
                self.assertEqual(parse_rule(kind + text, True).text, (kind + text).strip())

    @given(st.binary(max_size=40))
    @settings(deadline=None, max_examples=200)
    def test_one_form_is_stable(self, host: bytes) -> None:
        """The one form of a host's one form is itself."""
        self.assertEqual(one_form(one_form(host)), one_form(host))

    def test_many_stars(self) -> None:
        """Many stars against a long host cost little: the search never goes back."""
        hosts = parse_rule("host:" + "*a" * 400 + "*b", True).hosts
        assert isinstance(hosts, Hosts)
        self.assertFalse(hosts.fits(b"a" * 255))

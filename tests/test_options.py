"""Settings come from four layers, the nearest wins, and every fault is told at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from netsuite import options, tablefile, values
from netsuite.echo import settings as echo


def read(*arguments: str) -> echo.Options:
    """Return an echo service's options as read."""
    made = echo.Options()
    made.parse(list(arguments))
    return made


class Layered(SynchronousTestCase):
    """A test with an environment of its own."""

    def setUp(self) -> None:
        """Start from an empty environment."""
        self.environment: dict[str, str] = {}
        self.patch(os, "environ", self.environment)

    def toml(self, text: str) -> str:
        """Return the path of a settings file that holds ``text``."""
        path = self.mktemp()
        Path(path).write_text(text)
        return path

    def faults(self, *arguments: str) -> Sequence[str]:
        """Return the lines with which a command line is refused."""
        with self.assertRaises(usage.UsageError) as caught:
            read(*arguments)
        return str(caught.exception).splitlines()


class CommandLineTests(Layered):
    """What is no option."""

    def test_helped(self) -> None:
        """It is told in one line, with the nearest option, and where all of them are."""
        for words, told in (
            (["--max-cleints=3"], "--max-cleints is no option; did you mean max-clients?"),
            (["--nonsense"], "--nonsense is no option"),
            (["-Z"], "-Z is no option"),
            (["more"], "only options are taken"),
            (["--ipv6=yes"], "option --ipv6 must not have an argument"),
            (["--idle"], "option --idle requires argument"),
        ):
            with self.assertRaises(usage.UsageError) as caught:
                echo.Options().parse(words)
            self.assertEqual(str(caught.exception), f"{told}; try twistd echo --help")


class LayerTests(Layered):
    """Command line, environment, TOML, default."""

    def test_each_layer_gives_way_to_the_one_above(self) -> None:
        """Taking the strongest layer away uncovers the next, and the origin names it."""
        path = self.toml('[echo]\ntag = "file"\n')
        self.environment["NETSUITE_ECHO_TAG"] = "environment"
        for arguments, tag, origin in (
            (("-c", path, "--tag", "line"), "line", "command line"),
            (("-c", path), "environment", "environment NETSUITE_ECHO_TAG"),
        ):
            made = read(*arguments)
            self.assertEqual((made["tag"], made.origins["tag"]), (tag, origin))
        self.environment.clear()
        made = read("-c", path)
        self.assertEqual((made["tag"], made.origins["tag"]), ("file", f"file {path}"))
        made = read()
        self.assertEqual((made["tag"], made.origins.get("tag", "default")), ("", "default"))

    def test_repeated_values_are_replaced_not_mixed(self) -> None:
        """A stronger layer's list of values stands alone; within a layer values add up."""
        path = self.toml('[echo]\nhost = ["one.test", "two.test"]\n')
        self.assertEqual(read("-c", path).settings.common.hosts, ("one.test", "two.test"))
        self.environment["NETSUITE_ECHO_HOST"] = "three.test four.test"
        self.assertEqual(read("-c", path).settings.common.hosts, ("three.test", "four.test"))
        made = read("-c", path, "--host", "five.test", "--host", "six.test")
        self.assertEqual(made.settings.common.hosts, ("five.test", "six.test"))

    def test_flags_in_any_layer(self) -> None:
        """A flag is given by its name, by a variable, or by true in TOML; false leaves it off."""
        self.assertTrue(read("--raw").settings.raw)
        self.assertTrue(read("-c", self.toml("[echo]\nraw = true\n")).settings.raw)
        self.assertFalse(read("-c", self.toml("[echo]\nraw = false\n")).settings.raw)
        self.environment["NETSUITE_ECHO_RAW"] = "yes"
        self.assertTrue(read().settings.raw)

    def test_own_default_over_shared(self) -> None:
        """A service's default of a shared option is the one in force."""
        self.assertEqual(read().settings.common.idle_seconds, 300.0)

    def test_other_tables_and_the_suites_switch_are_left_alone(self) -> None:
        """A file for the whole suite serves each service: only its own table is read."""
        path = self.toml('[echo]\nenabled = true\ntag = "t"\n[pages]\nunknown = 1\n')
        self.assertEqual(read("-c", path).settings.tag, b"t")

    def test_loopback_has_no_limit_of_its_own_unless_set(self) -> None:
        """--per-client binds loopback clients only where somebody gave it."""
        self.assertIsNone(read().settings.common.per_client_loopback)
        self.assertEqual(read("--per-client", "3").settings.common.per_client_loopback, 3)


class FaultTests(Layered):
    """What is refused, and in which words."""

    def test_unknown_names_get_the_nearest(self) -> None:
        """A mistyped key or variable is refused with the setting that looks most like it."""
        path = self.toml("[echo]\nmax-lines = 3\n")
        (line,) = self.faults("-c", path)
        self.assertEqual(line, f"{path}, line 2: [echo] max-lines: no such setting; did you mean max-line?")
        self.environment["NETSUITE_ECHO_TGA"] = "x"
        (line,) = self.faults()
        self.assertEqual(line, "NETSUITE_ECHO_TGA: no such setting; did you mean tag?")

    def test_all_faults_at_once(self) -> None:
        """Each faulty setting has its line, with the layer it came from."""
        self.environment["NETSUITE_ECHO_IDLE"] = "soon"
        lines = self.faults("--max-line", "long", "--port", "99999", "--allow-client", "nowhere")
        self.assertEqual(len(lines), 4, lines)
        for start in ("--max-line (command line)", "--port (command line)", "--allow-client (command line)"):
            self.assertEqual(len([line for line in lines if line.startswith(start)]), 1, start)
        self.assertTrue(any(line.startswith("--idle (environment NETSUITE_ECHO_IDLE)") for line in lines))

    def test_a_file_that_cannot_be_used(self) -> None:
        """A missing, broken, oversized or differently shaped file is one line, not a traceback."""
        missing = self.mktemp()
        self.assertIn("cannot be read", self.faults("-c", missing)[0])
        self.assertEqual(len(self.faults("-c", self.toml("[echo\n"))), 1)
        self.assertIn("is no table", self.faults("-c", self.toml("echo = 3\n"))[0])
        self.assertIn("larger than", self.faults("-c", self.toml("#" * (tablefile.FILE_MAX + 1)))[0])

    def test_lines_of_a_file(self) -> None:
        """A fault in a file is told with its line: the setting's, a value's, or that of the grammar."""
        path = self.toml('[other]\nidle = 1\n\n[echo] # ours\ntag = "x"\nidle = "soon"\n')
        (line,) = self.faults("-c", path)
        self.assertTrue(line.startswith(f"--idle (file {path}, line 6): 'soon' "), line)
        path = self.toml('[echo]\nallow-client = [\n  "10.0.0.0/8",\n  "nowhere",\n]\n')
        self.assertIn("line 4", self.faults("-c", path)[0])
        for text in ("[echo]\ntag = \n", "[echo]\ntag = ["):
            self.assertIn("line 2", self.faults("-c", self.toml(text))[0])
        path = self.mktemp()
        Path(path).write_bytes(b"[echo]\n\n# \xff\n")
        self.assertIn("line 3", self.faults("-c", path)[0])

    def test_again(self) -> None:
        """Settings are read again from where they came, the command line still winning; faults are raised."""
        path = self.toml('[echo]\ntag = "one"\nidle = 5\n')
        made = read("-c", path, "--idle", "9")
        Path(path).write_text('[echo]\ntag = "two"\nidle = 6\n')
        self.environment["NETSUITE_ECHO_MAX_LINE"] = "99"
        anew = made.again()
        self.assertEqual((anew.tag, anew.common.idle_seconds, anew.max_line), (b"two", 9.0, 99))
        Path(path).write_text("[echo]\nidle = 6\ntga = 1\n")
        fault = self.assertRaises(ValueError, made.again)
        self.assertIn("line 3", str(fault))
        self.assertEqual(made.settings.tag, b"one")

    def test_again_from_elsewhere(self) -> None:
        """A relative path is still read from the folder in which the service was started."""
        path = self.toml('[echo]\ntag = "one"\n')
        made = read("-c", os.path.relpath(path))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir("/")
        self.assertEqual(made.again().tag, b"one")

    def test_overlong_value(self) -> None:
        """A value past the bound is refused unread, and not shown whole."""
        (line,) = self.faults("--port", "1" * (options.VALUE_MAX + 1))
        self.assertIn("is longer than", line)
        self.assertLess(len(line), 200)

    def test_public_listener_needs_a_word(self) -> None:
        """An endpoint that other machines reach is refused until networks or the flag say who may connect."""
        for place in ("tcp:5001", "tcp:5001:interface=192.0.2.1", "tcp:5001:interface=\\:\\:"):
            (line,) = self.faults("--port", place)
            self.assertIn(options.Options.REMEDY, line)
            self.assertTrue(read("--port", place, "--allow-public").settings.port.public)
            self.assertTrue(read("--port", place, "--allow-client", "192.0.2.0/24").settings.port.public)

    def test_tag_is_one_line(self) -> None:
        """A tag that would break an answer in two, or outgrow it, is refused."""
        for tag in ("a\nb", "a\rb", "x" * 201):
            self.assertIn("--tag", self.faults("--tag", tag)[0])


class WhereTests(SynchronousTestCase):
    """Places to listen."""

    def test_bare_port_is_loopback(self) -> None:
        """A number alone binds 127.0.0.1, with --ipv6 also ::1, never a public address."""
        self.assertEqual(values.parse_where("5001").descriptions, ("tcp:5001:interface=127.0.0.1",))
        both = values.parse_where("5001", ipv6=True)
        expected = ("tcp:5001:interface=127.0.0.1", "tcp:5001:interface=\\:\\:1")
        self.assertEqual((both.descriptions, both.public), (expected, False))

    def test_public_or_not(self) -> None:
        """Loopback and Unix sockets are private; no interface, another address, a name, systemd are not."""
        for text, public in (
            ("tcp:1:interface=127.0.0.1", False),
            ("tcp:1:interface=\\:\\:1", False),
            ("tcp:1:interface=localhost", False),
            ("unix:/run/echo", False),
            ("tcp:1", True),
            ("tcp:1:interface=0.0.0.0", True),
            ("tcp:1:interface=host.test", True),
            ("systemd:domain=INET:index=0", True),
        ):
            self.assertEqual(values.parse_where(text).public, public, text)

    def test_wrong(self) -> None:
        """What is neither port nor endpoint is refused."""
        for text in ("", "65536", "-1", "http", "udp:53", "tcp", "5001x"):
            self.assertRaises(ValueError, values.parse_where, text)


class ValueTests(SynchronousTestCase):
    """Sizes, durations, networks, ports."""

    def test_sizes(self) -> None:
        """Bytes, with a binary unit or none."""
        for text, size in (("0", 0), ("65536", 65536), ("64KiB", 65536), ("8M", 8 << 20), ("1 g", 1 << 30)):
            self.assertEqual(values.parse_size(text), size, text)
        for text in ("", "K", "-1", "1.5M", "1T", "9" * 16, "1_000"):
            self.assertRaises(ValueError, values.parse_size, text)

    def test_seconds(self) -> None:
        """Seconds, with a unit or none; never negative, never without end."""
        for text, seconds in (("2", 2.0), ("0.5", 0.5), ("200ms", 0.2), ("3m", 180.0), ("1h", 3600.0)):
            self.assertAlmostEqual(values.parse_seconds(text), seconds)
        for text in ("", "s", "-1", "inf", "nan", "1d"):
            self.assertRaises(ValueError, values.parse_seconds, text)

    def test_ports(self) -> None:
        """Single ports and ranges that run upwards."""
        self.assertEqual(values.parse_ports("443,8000-8100"), ((443, 443), (8000, 8100)))
        for text in ("", "0", "65536", "20-10", "5-", "-5", "a"):
            self.assertRaises(ValueError, values.parse_ports, text)

    def test_networks(self) -> None:
        """A network or one address; host bits set are a mistake worth telling."""
        self.assertEqual(str(values.parse_network("192.0.2.7")), "192.0.2.7/32")
        self.assertEqual(str(values.parse_network("[fd00::1]")), "fd00::1/128")
        for text in ("10.0.0.1/8", "host.test", ""):
            self.assertRaises(ValueError, values.parse_network, text)

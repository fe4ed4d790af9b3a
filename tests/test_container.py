"""The container's recipe, read: what it copies is there, root runs nothing, and who may connect is said."""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
import tempfile
import tomllib
from pathlib import Path
from unittest import TestCase, mock

from twisted.python import usage

from netsuite.suite import Options
from netsuite.values import parse_network, parse_where
from tests.real.container import read_file
from tests.real.parts import ROOT

RECIPE = ROOT / "deploy" / "container"
SETTINGS = RECIPE / "netsuite.toml"

#: Ports of the services that the settings turn on.
PORTS = {"8000", "8001"}


class FileTests(TestCase):
    """The Containerfile."""

    def setUp(self) -> None:
        self.stages = read_file(RECIPE / "Containerfile")
        self.last = {step.name: step for step in self.stages[-1]}

    def test_stages(self) -> None:
        """What builds is not in the image: of two stages the last has no pip, compiler or sources."""
        self.assertEqual([stage[0].text for stage in self.stages], ["${BASE} AS build", "${BASE}"])
        text = " ".join(step.text for step in self.stages[-1])
        self.assertNotRegex(text, r"\bpip\b|/src|venv\b.*-m")
        sources = [step.flags for step in self.stages[-1] if step.name == "COPY"]
        self.assertIn({"from": "build"}, sources)

    def test_copied(self) -> None:
        """Each file that is copied is there, and is among those that an engine is handed."""
        allowed = [
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        ]
        for step in (step for stage in self.stages for step in stage if step.name == "COPY"):
            if "from" in step.flags:
                continue
            for source in step.words[:-1]:
                self.assertTrue((ROOT / source).exists(), source)
                self.assertTrue(any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source)

    def test_installed(self) -> None:
        """What a wheel can't be made without is copied."""
        copied = {word for step in self.stages[0] if step.name == "COPY" for word in step.words[:-1]}
        self.assertLessEqual(
            {
                "setup.py",
                "setup.cfg",
                "pyproject.toml",
                "README.rst",
                "LICENSE",
                "NOTICE",
                "netsuite",
                "twisted",
            },
            copied,
        )

    def test_user(self) -> None:
        """It runs as a user with a number, not root, to whom the volume belongs."""
        self.assertEqual(self.last["USER"].text, "1000:1000")
        self.assertEqual(self.last["VOLUME"].words, [self.last["WORKDIR"].text])
        made = next(step.text for step in self.stages[-1] if "install -d" in step.text)
        self.assertIn(f"-m 0700 -o 1000 -g 1000 {self.last['WORKDIR'].text}", made)
        self.assertIn(f"STATE_DIRECTORY={self.last['WORKDIR'].text}", self.last["ENV"].words)
        names = [step.name for step in self.stages[-1]]
        self.assertGreater(names.index("USER"), len(names) - 1 - names[::-1].index("RUN"))

    def test_command(self) -> None:
        """It is twistd itself, in the foreground, without a shell or a pidfile; TERM reaches it."""
        command = [*self.last["ENTRYPOINT"].words, *self.last["CMD"].words]
        self.assertTrue(self.last["ENTRYPOINT"].is_list and self.last["CMD"].is_list)
        self.assertEqual(command[0], "/opt/netsuite/bin/twistd")
        self.assertLessEqual({"-n", "--pidfile="}, set(command))
        self.assertEqual(self.last["STOPSIGNAL"].text, "SIGTERM")

    def test_health(self) -> None:
        """The engine asks netsuite status, which waits less long than the engine does."""
        health = self.last["HEALTHCHECK"]
        self.assertIn('CMD ["/opt/netsuite/bin/netsuite", "status", "-t", "5"]', health.text)
        self.assertEqual(health.flags["timeout"], "10s")
        command = '"/opt/netsuite/bin/netsuite", "status", "-t", "5"'
        self.assertIn(f'test: ["CMD", {command}]', (RECIPE / "compose.yaml").read_text())
        quadlet = (RECIPE / "netsuite.container").read_text()
        self.assertIn("HealthCmd=" + command.replace('"', "").replace(",", ""), quadlet)
        for name, value in health.flags.items():
            key = "Health" + name.title().replace("-", "")
            self.assertIn(f"\n{key}={value}\n", quadlet)
            self.assertIn(
                f"\n      {name.replace('-', '_')}: {value}\n", (RECIPE / "compose.yaml").read_text()
            )

    def test_exposed(self) -> None:
        """The ports that are exposed are those that the settings bind beyond the container's loopback."""
        self.assertEqual(set(self.last["EXPOSE"].words), PORTS)
        told = tomllib.loads(SETTINGS.read_text())
        bound = set()
        for table in told.values():
            for name in ("port", "report", "admin"):
                where = parse_where(str(table[name])) if name in table else None
                if where is not None and where.public and table.get("enabled", True):
                    bound.add(where.text.split(":")[1])
        self.assertEqual(bound, PORTS)


class SettingsTests(TestCase):
    """The settings in it."""

    def parsed(self, text: str) -> list[str]:
        """The faults of settings."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "netsuite.toml").write_text(text)
            with mock.patch.dict(os.environ, {"STATE_DIRECTORY": folder}):
                try:
                    Options().parse(["-c", str(Path(folder, "netsuite.toml"))])
                except usage.UsageError as error:
                    return str(error).splitlines()
        return []

    def test_sound(self) -> None:
        """They are sound, also with every service turned on."""
        text = SETTINGS.read_text()
        self.assertEqual(self.parsed(text), [])
        self.assertEqual(self.parsed(text.replace("enabled = false\n", "")), [])

    def test_access(self) -> None:
        """Without their rules nothing starts: each place that others reach needs one."""
        text = SETTINGS.read_text().replace("enabled = false\n", "")
        faults = self.parsed(re.sub(r"(?m)^allow-client = .*\n", "", text))
        self.assertEqual(len(faults), 7, faults)
        for fault in faults:
            self.assertIn("reached from other machines", fault)

    def test_networks(self) -> None:
        """Those who may connect are in private networks, and none of them is a home's."""
        for networks in re.findall(r"(?m)^allow-client = \[(.*)\]", SETTINGS.read_text()):
            for text in re.findall(r'"([^"]+)"', networks):
                network = parse_network(text)
                self.assertTrue(network.is_private, text)
                self.assertFalse(network.overlaps(parse_network("192.168.0.0/16")), text)  # type: ignore[arg-type]


class EngineTests(TestCase):
    """What is said to engines about running it."""

    def test_compose(self) -> None:
        """Compose publishes on loopback alone, with nothing writable but the volume, and its own network."""
        text = (RECIPE / "compose.yaml").read_text()
        published = re.findall(r'- "([0-9.]+):(\d+):(\d+)"', text)
        self.assertEqual({(host, outer) for host, outer, _ in published}, {("127.0.0.1", p) for p in PORTS})
        self.assertTrue(all(outer == inner for _, outer, inner in published))
        for line in ("read_only: true", "cap_drop: [ALL]", '"no-new-privileges:true"'):
            self.assertIn(line, text)
        subnet = re.search(r"subnet: (\S+)", text)
        allowed = re.search(r"NETSUITE_WORDPROXY_ALLOW_CLIENT: (\S+)", text)
        assert subnet is not None
        assert allowed is not None
        self.assertEqual(subnet[1], allowed[1])

    def test_quadlet(self) -> None:
        """podman's unit says the same."""
        unit = configparser.RawConfigParser(strict=False)
        unit.read(RECIPE / "netsuite.container")
        told = dict(unit["Container"])
        self.assertEqual(
            (told["readonly"], told["dropcapability"], told["nonewprivileges"]), ("true", "all", "true")
        )
        published = re.findall(r"(?m)^PublishPort=(.*)$", (RECIPE / "netsuite.container").read_text())
        self.assertEqual(set(published), {f"127.0.0.1:{port}:{port}" for port in PORTS})
        self.assertEqual(told["volume"].partition(":")[2], "/var/lib/netsuite")

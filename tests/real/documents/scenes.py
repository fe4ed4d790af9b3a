"""What the commands of the guides need around them, and the few that are not run, each with its reason.

A command is run as it stands unless it is in ``NOT_RUN``; it must end with 0, and print what the document shows.
A *scene* is what a section takes for granted: files, listeners elsewhere, services that run.
"""

# ruff: noqa: E501 -- commands stand as they are typed

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

#: First words by which a block is known to be a shell's.
PROGRAMS = frozenset(
    [
        "apt-get",
        "calllater",
        "certbot",
        "chromium",
        "cp",
        "curl",
        "docker",
        "eval",
        "formsite-export",
        "haproxy",
        "install",
        "journalctl",
        "kill",
        "logrotate",
        "make",
        "mkdir",
        "netsuite",
        "nginx",
        "npm",
        "openssl",
        "pip",
        "podman",
        "portscan",
        "printf",
        "proxy-acl",
        "python",
        "python3",
        "redis-cli",
        "runreactor",
        "sqlite3",
        "sudo",
        "systemctl",
        "systemd-analyze",
        "twistd",
        "updatecheck",
        "useradd",
        "validate",
        "webcat",
        "webdownload",
        "wordproxy-import",
        "connection",
        "connectiontest",
        "dataforward",
        "echo",
        "man",
        "source",
        "complete",
        "autoload",
        "fpath",
        "compinit",
    ]
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a section takes for granted; ``before``: commands, services among them stay;
    ``needs``: programs, without which the section is skipped."""

    files: dict[str, str | bytes] = field(default_factory=dict)
    listeners: tuple[str, ...] = ("http 23.0.2.10:80", "https 23.0.2.10:443")
    before: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What is particular about a command.

    ``typed``: pairs of what is waited for and what is typed then, at a terminal; ``until``: once this was
    printed Ctrl-C is pressed; ``behind``: it goes on in the background once it listens at this port; ``shows``:
    it is run again until this is in its output; ``differs``: why that is not compared with the document;
    ``then``: what may follow what the document shows.
    """

    before: tuple[str, ...] = ()
    typed: tuple[tuple[str, str], ...] = ()
    exits: tuple[int, ...] = (0,)
    until: str = ""
    behind: int = 0
    differs: str = ""
    shows: str = ""
    then: str = ""


#: What the guides abbreviate in a command.
ABBREVIATED = {
    "0000…": "0" * 64,
    "9f86…": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}

HAR = """{"log":{"version":"1.2","creator":{"name":"t","version":"1"},"entries":[{"startedDateTime":
"2026-01-05T10:00:00.000Z","time":1,"request":{"method":"GET","url":"http://news.example/a","httpVersion":"HTTP/1.1",
"cookies":[],"headers":[],"queryString":[],"headersSize":-1,"bodySize":0},"response":{"status":200,"statusText":"OK",
"httpVersion":"HTTP/1.1","cookies":[],"headers":[{"name":"Content-Type","value":"text/html"}],"content":{"size":30,
"mimeType":"text/html","text":"<html lang=en><body>the tide and the boat</body></html>"},"redirectURL":"",
"headersSize":-1,"bodySize":30},"cache":{},"timings":{"send":0,"wait":0,"receive":0}}]}}"""

WARC_BODY = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html lang=en><body>a harbour</body></html>"
WARC = (
    "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://news.example/b\r\nWARC-Date: 2026-01-05T10:00:00Z\r\n"
    "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>\r\nContent-Type: application/http;msgtype=response\r\n"
    f"Content-Length: {len(WARC_BODY)}\r\n\r\n{WARC_BODY}\r\n\r\n"
)

ACCESS_LOG = "".join(
    f"2026-01-05T10:00:00Z - {number} GET http://{host}/a 200 text/html 1 0.010 23.0.2.10\n"
    for number, host in enumerate(["a.example"] * 16 + ["www.example.org"])
)

INVALID = "<!DOCTYPE html>\n<html lang=en>\n<head><title>Test</title></head>\n<body>\n" + (
    "<p id=main>one\n" + "<p>two\n" * 6 + '    <p id="main">three\n</body>\n</html>\n'
)

_CA = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9"
_CERTIFICATES = (
    f"{_CA} -keyout cakey.pem -out ca.pem -subj /CN=ca 2>&1",
    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN=server 2>&1",
    "printf 'subjectAltName=DNS:localhost,DNS:proxy.example,IP:127.0.0.1' >san",
    "openssl x509 -req -in csr.pem -CA ca.pem -CAkey cakey.pem -days 9 -extfile san -out cert.pem 2>&1; cp cert.pem chain.pem",
    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout alice.key -out alice.csr -subj /CN=alice 2>&1",
    "openssl x509 -req -in alice.csr -CA ca.pem -CAkey cakey.pem -days 9 -out alice.crt 2>&1; cat alice.key alice.crt >alice.pem",
)

_FEW = "twistd -n --pidfile= "
_COUNTED = (
    f"{_FEW}wordproxy",
    "curl -s -x 127.0.0.1:8001 http://news.example/",
    "for i in $(seq 100); do curl -s 127.0.0.1:8000/words.json | grep -q harbour && break; sleep 0.1; done",
)

#: By document and section; a section that is not here has the plain scene.
SCENES = {
    ("docs/operator.rst", "Start and stop"): Scene({"netsuite.toml": "[echo]\n"}),
    ("docs/operator.rst", "TLS on any listener"): Scene({"users": ""}, before=_CERTIFICATES),
    ("docs/operator.rst", "The suite: all in one process"): Scene(
        {"netsuite.toml": "[echo]\n[wordproxy]\n[pages]\n"},
        # the installed program itself, since a process id is judged by the program's name
        before=("PATH=${PATH#*:} twistd -n --pidfile=netsuite.pid netsuite -c netsuite.toml --admin 8009",),
    ),
    ("docs/operator.rst", "Something is wrong: netsuite doctor"): Scene({"netsuite.toml": "[echo]\n"}),
    ("docs/operator.rst", "Metrics: what to watch"): Scene(
        {"netsuite.toml": "[echo]\n[pages]\n"}, before=(f"{_FEW}netsuite -c netsuite.toml",)
    ),
    ("docs/operator.rst", "Upgrading"): Scene({"netsuite.toml": "[echo]\n"}),
    ("docs/operator.rst", "Rules: who may fetch what"): Scene(
        {
            "netsuite.toml": "[proxy]\n",
            "new.toml": '[proxy]\nacl = ["deny host:*.example.org"]\n',
            "access.log": ACCESS_LOG,
        }
    ),
    ("docs/operator.rst", "Interception"): Scene(before=('cp "$SSL_CERT_FILE" ca.pem',)),
    ("docs/scaling.rst", "Two nodes, one Redis, HAProxy"): Scene(
        {"/etc/netsuite/redis": "secret\n"},
        before=(
            "redis-server --bind 10.0.0.21 --protected-mode no --daemonize yes --save '' --user words on '>secret' '~{class7}:*' +@all"
            " -@dangerous +info +bgrewriteaof",
            "for i in $(seq 200); do (: >/dev/tcp/10.0.0.21/6379) 2>/dev/null && break; sleep 0.05; done",
        ),
        needs=("redis-server",),
    ),
    ("docs/user.rst", "As JSON and CSV"): Scene(before=_COUNTED),
    ("docs/user.rst", "Pages from elsewhere"): Scene(
        {"browse.har": HAR, "book.txt": "It was the best of times\n", "crawl.warc": WARC},
        before=("gzip crawl.warc", f"{_FEW}wordproxy"),
    ),
    ("docs/user.rst", "echo: a server to test the other end with"): Scene(
        before=(f"{_FEW}echo", *_CERTIFICATES)
    ),
    ("docs/user.rst", "httpecho: what really arrived"): Scene(
        before=(f"{_FEW}httpecho --body", "for i in 1 2 3 4 5; do curl -s localhost:8000/$i; done"),
        needs=("jq", "nc"),
    ),
    ("docs/user.rst", "pages: a table of paths and answers"): Scene(
        {"dist/app.css": "p {}", "lost.html": "<p>{path}", "report.pdf": "%PDF", "/srv/big.iso": "big"},
    ),
    ("docs/user.rst", "formsite: a form, and every answer kept"): Scene(
        before=(
            f"{_FEW}formsite -s answers.db --min-seconds 0 --allow-origin '*'",
            "curl -s -d name=Example -d color=blue -d flavor=vanilla -d flavor=coffee localhost:8000/posthandler",
        )
    ),
    ("docs/user.rst", "colors: see, name and check a color"): Scene(before=(f"{_FEW}colors",)),
    ("docs/user.rst", "connectiontest and connection: is it reached, and if not why?"): Scene(
        {"serve": "#!/bin/sh\necho serving $@\n"},
        (
            *("accept 192.0.2.7:5432", "accept 10.1.0.1:5432", "accept 10.1.0.2:5432", "accept ::1:5432"),
            *("accept /run/postgresql/.s.PGSQL.5432", "http 127.0.0.1:8080", "ssh 10.1.0.3:22"),
            *("pong 127.0.0.1:6379", "https 23.0.2.10:443", "smtp 23.0.2.25:25", "accept 127.0.0.1:80"),
        ),
        (f"{_FEW}echo", "chmod +x serve"),
    ),
    ("docs/user.rst", "portscan: is open what should be?"): Scene(
        listeners=("ssh 127.0.0.1:22", "smtp 127.0.0.1:25", "accept 192.0.2.7:5432"), needs=("jq",)
    ),
    ("docs/user.rst", "dataforward: talk to a server"): Scene(
        {"disk.img": b"\0\1\2" * 9000},
        ("hello /run/app.sock", "https 23.0.2.10:443", "smtp 23.0.2.25:25", "socks 127.0.0.1:1080"),
        (f"{_FEW}echo", f"{_FEW}pages"),
        needs=("jq",),
    ),
    ("docs/user.rst", "webcat: what a URL gives"): Scene(
        {"me.png": b"\x89PNG"},
        before=(f"{_FEW}pages", f"{_FEW}httpecho -p 8002 --body", f"{_FEW}proxy"),
        needs=("jq",),
    ),
    ("docs/user.rst", "webdownload: files, whole or not at all"): Scene(
        {
            "SHA256SUMS": "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7  image.iso\n",
            "urls.txt": "http://localhost:8002/a.bin\nhttp://localhost:8002/b.bin\n",
        },
        before=(f"{_FEW}pages -p 8002 -s /=test -s /a.bin=a -s /b.bin=b",),
    ),
    ("docs/user.rst", "updatecheck: has a page changed, and does its server say so?"): Scene(
        listeners=("deaf 127.0.0.1:8080",), before=(f"{_FEW}pages",)
    ),
    ("docs/user.rst", "validate: is this HTML, SVG, CSS valid?"): Scene(
        {"test.html": INVALID}, needs=("java", "vnu")
    ),
}

#: What is particular, by the command.
NOTES: dict[str, Note] = {
    **{
        f"netsuite doctor -c netsuite.toml{more}": Note(exits=(0, 1, 3))  # as healthy as this machine is
        for more in ("", " -q", " -j --Werror")
    },
    "curl 'http://127.0.0.1:8000/words.json?all=1'": Note(shows='"word":"harbour"'),
    "curl -s 'http://127.0.0.1:8000/words.json?lang=en&limit=1'": Note(
        shows='"word":"harbour"', differs="another reading; its keys are compared"
    ),
    "wordproxy-import browse.har crawl.warc.gz book.txt": Note(
        shows=r"book.txt: 1 page counted \(6 words\)", differs="other recordings"
    ),
    "formsite-export -s answers.db --format json --since 41": Note(exits=(1,)),  # there are no so many
    "netsuite refresh-plugins": Note(
        exits=(0, 12)
    ),  # 12 where the folder of an installation can't be written
    "dataforward -q --tls --cafile ca.pem --cert alice.pem localhost 5001": Note(typed=(("alice", "\3"),)),
    "dataforward localhost 5001": Note(typed=(("Press Ctrl-C", "hello\n"), ("You said: hello", "\3"))),
    "dataforward -b localhost 9000 </dev/null 2>/dev/null | sha256sum": Note(
        before=("dataforward -b --listen 9000 <disk.img",)
    ),
    "dataforward -b --listen 9000 <disk.img": Note(behind=9000),
    "dataforward -b --listen 9000 >copy.img": Note(behind=9000),
    "dataforward --listen tcp:9000:interface=0.0.0.0": Note(behind=9000),
    "runreactor --stall-report --over 0.2": Note(until="Running", differs="nobody sets this clock"),
    "curl -sN localhost:8000/_ring/events": Note(until="."),
    "calllater --report 1 2": Note(then="(; (stall|step|slew|suspend) .*)?"),  # as busy as this machine is
    "calllater -q --every 0.01 --count 100 --max-late 0.05": Note(exits=(0, 1)),  # as busy as this machine is
    "calllater --every 60 --exec 'df -h / >>disk.log'": Note(until="."),
    "calllater --at 02:30 --exec ./backup": Note(until="."),
    'curl -X PUT -H \'Content-Type: application/json\' -d \'{"latency": "1s", "reset": 0.2}\' localhost:5003/faults': (
        Note(before=("twistd -n --pidfile= echo --admin 5003",))
    ),
}

#: What is not run, by the command or by its first words and ``*``: why not.  Its options are checked all the same.
NOT_RUN = {
    "podman *": "needs the network for its base image; tests/test_deploy.py reads the recipe",
    "make test": "this is it",
    "twistd -n --pidfile= --uid *": "could not tell us that it is up; tests/real/test_privileges.py",
    "make nightly": "takes hours; tests/test_layout.py reads what it runs",
    "make lint types": "the first step of .ci/run",
    "make format": "would change the checkout; .ci/run checks that it has nothing to do",
    "make manual": "writes the checkout; tests/manual/test_made.py compares what it writes",
    "make docs": "tests/manual/test_html.py makes them",
    "make bench*": "takes an hour, and installs other proxies",
    "python3 -m venv /opt/netsuite": "writes outside; .ci/smoke makes a venv and installs the wheel in it",
    "/opt/netsuite/bin/pip *": "needs the package index; .ci/smoke",
    "/opt/netsuite/bin/twistd *": "the venv above; .ci/smoke",
    "python -m bench.*": "measures for minutes",
}

#: Blocks that are no commands, by their first line: the file that they are, or None for an illustration.
OTHER = {
    "fault    ports: wordproxy --port 127.0.0.1:8001: in use by squid (process 812); stop it, or choose another --port": None,
    "small: 43.4 µs CPU a request, 41% of it in the kernel": None,
    "from twisted.logger import Logger": "pages.py",
    "-s 'redis://user@host:6379/0?prefix=class7&password-file=/etc/netsuite/redis'": None,
    "browser ─► proxy: head ─► route ─► rewrite ─► pool ─► origin": None,
    "wordproxy: proxy http://127.0.0.1:8001, report http://127.0.0.1:8000/, store /home/you/.local/state/netsuite/words.db …": None,
    '"/" = "<h1>Back at 9</h1>"': "pages.toml",
    'title = "Summer school"': "signup.toml",
    '<form action="https://forms.example.org/posthandler" method="post">': None,
}


def not_run(command: str) -> str | None:
    """Why a command is not run, None if it is."""
    for pattern, reason in NOT_RUN.items():
        if command == pattern or (pattern.endswith("*") and command.startswith(pattern[:-1])):
            return reason
    return None


def note(command: str) -> Note:
    """What is particular about a command."""
    return NOTES.get(command, Note())


def dedented(text: str) -> str:
    """A text of these tables without its margin."""
    return textwrap.dedent(text).lstrip("\n")

"""The command line of ``twistd echo``, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from netsuite import options
from netsuite.echo.faults import Faults
from netsuite.echo.told import KNOBS, BadFault, changed
from netsuite.manual.kind import (
    BYTES,
    FILE,
    NETWORK,
    NUMBER,
    PORT,
    PROBABILITY,
    RATE,
    SECONDS,
    TEXT,
    Kind,
    one_of,
)
from netsuite.options import Common
from netsuite.values import Network, Where

#: Bytes of a tag; it is repeated in every answer.
TAG_MAX = 200

#: Highest seed.
SEED_MAX = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What an echo service is told."""

    common: Common
    port: Where
    tag: bytes
    raw: bool
    max_line: int
    udp: bool
    faults: Faults
    seed: int | None
    line_faults: bool
    peer_info: bool
    client_ca: str | None
    balancers: tuple[Network, ...]
    timestamps: bool
    record: str | None
    max_record: int


class Options(options.Options):
    """The command line of ``twistd echo``."""

    table = "echo"
    longdesc = (
        'Answer each line that a client sends with "You said: " and the line; quit is answered with '
        "Goodbye. and the end.  It goes wrong on order: late, never, cut short, reset."
    )
    examples = """Examples:
  twistd -n echo                       on 127.0.0.1, port 5001
  twistd -n echo --tag blue -p 5002    answers "You said [blue]: ..."
  twistd -n echo --raw                 every byte back as sent
  twistd -n echo --latency 200ms±50ms --drop 10% --seed 7
      slow, and one line in ten has no answer; the same ones each time
  twistd -n echo --admin 5003          faults changed while it runs:
      curl -T faults.json -H 'Content-Type: application/json' \\
          localhost:5003/faults               where the file says {"reset": 0.2}
  twistd -n echo -p ssl:5001:interface=127.0.0.1:privateKey=key.pem --peer-info
      each client is told who it is, by its certificate too"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "5001", "Port on 127.0.0.1, or an endpoint."],
        ["tag", "T", "", "Text in each answer, to tell instances apart."],
        ["max-line", None, "64KiB", "Longest line in bytes."],
        ["idle", None, "300", "Seconds without a byte after which a connection ends."],
        ["latency", None, None, "Delay of each line, D or D±J: uniform from D-J to D+J."],
        ["latency-dir", None, None, "Delay lines as they come (in), answers (out), or both (out)."],
        ["drop", None, None, "Probability that a line has no answer."],
        ["corrupt", None, None, "Probability that one bit of an answer is another."],
        ["reset", None, None, "Probability at each line that the connection is reset."],
        ["stall", None, None, "Probability at each line that the connection goes silent."],
        ["truncate", None, None, "End each connection in the midst of an answer, after so many bytes."],
        ["slow", None, None, "Send answers at so many bytes a second."],
        ["close-after", None, None, "Close each connection after so many lines."],
        ["seed", None, None, "Number from which all chance comes: the same one gives the same faults."],
        ["client-ca", None, None, "File of authorities of client certificates; others are refused."],
        ["record", None, None, "File (0600) for a transcript, which dataforward --replay reads."],
        ["max-record", None, "1GiB", "Longest transcript in bytes; past it no more is written."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["raw", None, "Send back every byte as it came (RFC 862)."],
        ["udp", None, "Send back UDP datagrams too, on the same port."],
        ["line-faults", None, "A first line !fault latency=1s is for its connection alone."],
        ["peer-info", None, "Tell each client its address, TLS version and certificate."],
        ["timestamps", None, "Put the time before each answer."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["proxy-protocol", None, "Network of balancers, whose connections begin with the PROXY protocol"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "port": PORT,
        "tag": TEXT,
        "max-line": BYTES,
        "latency": SECONDS,
        "latency-dir": one_of("WAY", "in", "out", "both"),
        "drop": PROBABILITY,
        "corrupt": PROBABILITY,
        "reset": PROBABILITY,
        "stall": PROBABILITY,
        "truncate": BYTES,
        "slow": RATE,
        "close-after": NUMBER,
        "seed": NUMBER,
        "client-ca": FILE,
        "record": FILE,
        "max-record": BYTES,
        "proxy-protocol": NETWORK,
    }

    def read(self) -> Settings:
        """Return the settings."""
        where, tag = self.where("port"), str(self["tag"]).encode()
        self.restrict("port", where)
        if len(tag) > TAG_MAX or b"\n" in tag or b"\r" in tag:
            self.fault("tag", f"is one line of at most {TAG_MAX} bytes")
        udp, raw = bool(self["udp"]), bool(self["raw"])
        if udp and (where.public and not self["allow-client"]):  # a sender's address may be forged
            self.fault("udp", f"{where.text} is reached from other machines; add --allow-client NETWORK")
        if udp and where.descriptions and not where.descriptions[0].startswith("tcp:"):
            self.fault("udp", "needs a port number or a tcp: endpoint in --port")
        tls = where.scheme == "https"
        if self["proxy-protocol"] and tls:
            self.fault(
                "proxy-protocol", "stands before TLS; let the balancer end TLS, and use tcp: in --port"
            )
        if self["client-ca"] and not (tls and self["peer-info"]):
            self.fault("client-ca", "needs TLS in --port (ssl:), and --peer-info")
        for flag in ("line-faults", "timestamps"):
            if self[flag] and raw:
                self.fault(flag, "needs lines, and --raw has none")
        return Settings(
            common=self.common(),
            port=where,
            tag=tag,
            raw=raw,
            max_line=self.size("max-line"),
            udp=udp,
            faults=self._faults(),
            seed=self.number("seed", 0, SEED_MAX) if self["seed"] is not None else None,
            line_faults=bool(self["line-faults"]),
            peer_info=bool(self["peer-info"]),
            client_ca=self.path("client-ca"),
            balancers=self.networks("proxy-protocol"),
            timestamps=bool(self["timestamps"]),
            record=self.path("record"),
            max_record=self.size("max-record"),
        )

    def _faults(self) -> Faults:
        faults = Faults()
        for name in KNOBS:
            if self[name] is None:
                continue
            try:
                faults = changed(faults, [(name, str(self[name]))])
            except BadFault as bad:
                self.fault(name, str(bad))
        return faults

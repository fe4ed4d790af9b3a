"""What is asked for, and how: a request, and the settings of all of a tool's requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsuite.client.content import Content
from netsuite.client.decoding import ACCEPTED, RATIO_MAX
from netsuite.client.proxies import Proxies
from netsuite.client.redirects import REDIRECTS_MAX
from netsuite.client.url import Url
from netsuite.http1.fields import Fields
from netsuite.http1.limits import Limits
from netsuite.reach.trust import Trust


@dataclass(frozen=True, slots=True)
class Settings:
    """How to ask.

    ``silence_seconds``: without a byte; ``total_seconds``: for everything, None for no limit;
    ``max_bytes``: of a body, decoded, None for no limit; ``ratio``: of decoded to sent bytes; ``family``,
    ``source``, ``resolver``: as in ``reach.way.Way``.
    """

    connect_seconds: float = 10.0
    silence_seconds: float = 30.0
    total_seconds: float | None = None
    max_bytes: int | None = 100 * 1024 * 1024
    ratio: int = RATIO_MAX
    limits: Limits = field(default_factory=Limits)
    redirects: int = REDIRECTS_MAX
    downgrade: bool = False
    proxies: Proxies = field(default_factory=Proxies)
    trust: Trust = field(default_factory=Trust)
    public_only: bool = False
    family: int = 0
    source: str | None = None
    resolver: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.  ``fields``: the user's own, which take the place of ours; ``codings``: accepted.

    ``follow``: whether redirects are; ``at``: the one address of the host that is dialled, unless by a proxy.
    """

    url: Url
    method: bytes = b"GET"
    fields: Fields = field(default_factory=list)
    content: Content | None = None
    codings: bytes = ACCEPTED
    follow: bool = True
    at: str | None = None

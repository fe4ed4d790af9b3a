"""What is to be downloaded, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsuite.client.credentials import is_secret
from netsuite.client.digests import Sum
from netsuite.client.url import Url
from netsuite.http1.fields import Fields


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be fetched to where.

    ``urls``: of one and the same file; ``path``: where it goes, free of links; ``replaces``: one that is
    there; ``if_newer``: only if the server's is; ``sums``: what it must add up to; ``most``: bytes at most;
    ``rate``: bytes a second; ``adds_up``: the SHA-256 is told in any case.
    """

    urls: tuple[Url, ...]
    path: str
    fields: Fields = field(default_factory=list)
    replaces: bool = False
    if_newer: bool = False
    resumes: bool = True
    sums: tuple[Sum, ...] = ()
    retries: int = 3
    most: int | None = None
    rate: float | None = None
    adds_up: bool = False
    server_name: bool = False
    attributes: bool = False

    def fields_for(self, url: Url) -> Fields:
        """Return the user's own fields for one of the URLs: secret ones are for the first one's origin."""
        if url.origin == self.urls[0].origin:
            return self.fields
        return [each for each in self.fields if not is_secret(each[0])]

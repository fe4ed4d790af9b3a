"""Answers that scripts of other sites may read (CORS), for the few paths that are meant for that.

Only who has the token gets this far, so any origin may read the answer; cookies are never asked for, and we
have none.  Source: Fetch §3.3 (CORS protocol); Private Network Access §3 (a page of the Internet asks before
it talks to this machine).
"""

from __future__ import annotations

from dataclasses import replace

from netsuite.site.answer import NO_STORE, Answer, Asked, Refusal

#: Longest origin that is named in an answer: a scheme, a name of 255 characters and a port are shorter.
ORIGIN_MAX = 300

#: Seconds that a browser may remember what it was told.
_MAX_AGE = "600"


def preflight(asked: Asked) -> Answer:
    """What a browser is told that asks whether a page may post here: the token is judged when it does."""
    headers = [
        *_named(asked),
        ("Access-Control-Allow-Methods", "POST"),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
        ("Access-Control-Max-Age", _MAX_AGE),
    ]
    if asked.headers.get("access-control-request-private-network") == "true":
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    return Answer(b"", "text/plain; charset=utf-8", 204, (NO_STORE, ("Allow", "POST"), *headers))


def readable(asked: Asked, answer: Answer) -> Answer:
    """The answer, that the page that asked may read."""
    return replace(answer, headers=(*answer.headers, *_named(asked)))


def told(asked: Asked, refusal: Refusal) -> Refusal:
    """The refusal, that the page that asked may read."""
    return Refusal(refusal.status, refusal.sentence, *refusal.headers, *_named(asked))


def _named(asked: Asked) -> list[tuple[str, str]]:
    origin = asked.headers.get("origin", "")
    vary = ("Vary", "Origin")
    if not origin or len(origin) > ORIGIN_MAX or not (origin.isascii() and origin.isprintable()):
        return [vary]
    return [("Access-Control-Allow-Origin", origin), vary]

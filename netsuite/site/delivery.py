"""What becomes of a view's answer before it is written: entity tag, 304 or 412, gzip."""

from __future__ import annotations

from dataclasses import replace

from netsuite.site.answer import Answer, Asked
from netsuite.site.conditional import judged, tag_of
from netsuite.site.squeeze import is_worth_it, squeezed, takes_gzip

#: What a 304 repeats of the 200 that it stands for (RFC 9110 §15.4.5).
_WITH_304 = frozenset(("cache-control", "content-location", "etag", "expires", "vary", "set-cookie"))


def delivered(asked: Asked, answer: Answer) -> Answer:
    """The answer as this client gets it.  What isn't to be stored is left as it is, and so are streams."""
    if answer.status != 200 or answer.stream is not None or asked.method not in ("GET", "HEAD"):
        return answer
    named = {name.lower(): value for name, value in answer.headers}
    if "no-store" in named.get("cache-control", "").lower() or "content-range" in named:
        return answer
    tag = named.get("etag")
    if tag is None:
        tag = tag_of(answer.body)
        answer = replace(answer, headers=(*answer.headers, ("ETag", tag)))
    if "content-encoding" not in named and is_worth_it(answer.kind, answer.body):
        answer = _coded(asked, answer)
    status = judged(asked.method, asked.headers, tag)
    if status is None:
        return answer
    if status == 412:
        return Answer(b"", status=412, headers=(("Cache-Control", "no-store"),))
    kept = tuple(field for field in answer.headers if field[0].lower() in _WITH_304)
    return Answer(b"", answer.kind, 304, kept)


def _coded(asked: Asked, answer: Answer) -> Answer:
    """The answer in gzip, if the client takes it; that others get it otherwise is said in any case."""
    vary = ", ".join(["Accept-Encoding", *(value for name, value in answer.headers if name == "Vary")])
    headers = (*(field for field in answer.headers if field[0] != "Vary"), ("Vary", vary))
    if not takes_gzip(asked.headers.get("accept-encoding", "")):
        return replace(answer, headers=headers)
    headers = tuple((name, _weak(value) if name == "ETag" else value) for name, value in headers)
    return replace(answer, body=squeezed(answer.body), headers=(*headers, ("Content-Encoding", "gzip")))


def _weak(tag: str) -> str:
    return tag if tag.startswith("W/") else f"W/{tag}"

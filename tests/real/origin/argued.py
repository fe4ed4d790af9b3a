"""What our sites do otherwise than a case would have it, on purpose, and why: only of what is no MUST."""

from __future__ import annotations

#: The case's name, and the reason in one line.
ARGUED: dict[str, str] = {
    "higher_minor_version": "505, as RFC 9110 §15.6.6 allows: no version above 1.1 exists in HTTP/1, and what"
    " calls itself one may frame otherwise at a proxy before us than here.",
}

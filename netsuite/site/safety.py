"""What each answer of our sites says to a browser, so that no page can be turned against its reader."""

from __future__ import annotations

from collections.abc import Mapping

#: Only our own files run and are shown, no other site may frame ours or learn where its reader was.
SECURITY = {
    b"Content-Security-Policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"X-Content-Type-Options": b"nosniff",
    b"X-Frame-Options": b"DENY",
    b"Referrer-Policy": b"same-origin",  # with no-referrer a form of ours would come from Origin: null
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Permissions-Policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

#: The least, for sites whose pages are their user's own.
PLAIN = {b"X-Content-Type-Options": b"nosniff"}


def lines(fields: Mapping[bytes, bytes]) -> bytes:
    """The fields as lines of a head, for answers that are written whole."""
    return b"".join(b"%b: %b\r\n" % field for field in fields.items())

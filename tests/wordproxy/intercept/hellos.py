"""ClientHellos as real clients make them, and cut ones."""

from __future__ import annotations

from OpenSSL import SSL


def hello(name: str | None, *, protocols: tuple[bytes, ...] = ()) -> bytes:
    """The first bytes of OpenSSL's client; ``name``: the host that it asks for."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if protocols:
        context.set_alpn_protos(list(protocols))
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if name is not None:
        connection.set_tlsext_host_name(name.encode())
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return connection.bio_read(1 << 16)
    raise AssertionError("no handshake without a peer")


def fragmented(data: bytes, size: int) -> bytes:
    """The same handshake message in records of at most ``size`` bytes (RFC 8446 §5.1)."""
    message, version = data[5:], data[1:3]
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16" + version + len(part).to_bytes(2, "big") + part for part in parts)


def with_extension(data: bytes, kind: int, content: bytes) -> bytes:
    """The same ClientHello, in one record, with one extension more at its end (RFC 8446 §4.2)."""
    message = data[9:]
    at = 2 + 32
    at += 1 + message[at]  # session id
    at += 2 + int.from_bytes(message[at : at + 2], "big")  # cipher suites
    at += 1 + message[at]  # compression methods
    extensions = message[at + 2 :] + kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    message = message[:at] + len(extensions).to_bytes(2, "big") + extensions
    record = data[5:6] + len(message).to_bytes(3, "big") + message
    return data[:3] + len(record).to_bytes(2, "big") + record

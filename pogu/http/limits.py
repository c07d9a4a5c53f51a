"""What a server accepts from its clients before it refuses."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one server. Sizes are bytes, times are seconds, None means no limit.

    The defaults suit a container engine: image archives have no bound, so neither have bodies; headers carry registry
    credentials and may be long; streams may be silent for days, so only connections without a request expire.
    """

    header_bytes: int = 256 * KIB
    """Request line and header fields together; more is answered with 431 (414 while still in the request line)."""
    header_count: int = 200
    """Header fields of one request; more is answered with 431."""
    body_bytes: int | None = None
    """Any request body; more is answered with 413."""
    buffered_body_bytes: int = 16 * MIB
    """What `Request.read_body` collects when its caller names no limit of its own."""
    websocket_message_bytes: int = 16 * MIB
    """One WebSocket message after its fragments are joined; more closes the socket with code 1009."""
    inbound_buffer_bytes: int = 1 * MIB
    """Received and not yet consumed; at this mark reading from the client pauses."""
    outbound_buffer_bytes: int = 64 * KIB
    """Written and not yet accepted by the kernel; above this mark writers wait."""
    header_seconds: float = 60.0
    """From the first byte of a request to the end of its header, and for a TLS handshake."""
    idle_seconds: float = 300.0
    """Between two requests of a kept connection."""
    linger_seconds: float = 2.0
    """How long a closed connection still swallows input so that a reset does not destroy the last answer."""
    connections: int = 10_000
    """Open connections; further ones are answered with 503 and closed."""

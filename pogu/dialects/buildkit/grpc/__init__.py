"""gRPC over a connection that was taken over, either side calling the other (HTTP/2 as of `h2`).

`connection` carries streams over a byte stream, `stream` is one of them; `calls` is the side that calls, `serving` the
side that answers. `framing` and `statuses` know the protocol's form of messages and of endings.
Source: "gRPC over HTTP2" in the grpc repository (doc/PROTOCOL-HTTP2.md).
"""

from pogu.dialects.buildkit.grpc.calls import Call, Channel
from pogu.dialects.buildkit.grpc.connection import Connection, Wire
from pogu.dialects.buildkit.grpc.serving import Handler, Incoming, Services

__all__ = ["Call", "Channel", "Connection", "Handler", "Incoming", "Services", "Wire"]

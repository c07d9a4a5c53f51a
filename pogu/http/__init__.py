"""The HTTP/1.1 server that all dialects use: requests in, answers out, and connections handed over whole.

Who serves an API makes a `Router` (or any `Handler`), gives it to a `Server` and lets that listen. A handler reads a
`Request` and returns a `Response`, or takes the connection over as a `RawStream` or `WebSocket` and returns None.
`Limits` says what clients may cost. Everything else in this folder is its own business: the modules without I/O
(`parsing`, `bodies`, `serialising`, `targets`, `multimaps`) know the protocol, `exchanges` one request and its answer,
`connection`, `tls` and `listeners` the sockets.
"""

from pogu.http.limits import Limits
from pogu.http.messages import Handler, Request, Response
from pogu.http.multimaps import Headers, Query
from pogu.http.peers import Peer
from pogu.http.raw_stream import RawStream
from pogu.http.router import Router
from pogu.http.server import Server
from pogu.http.websocket import WebSocket

__all__ = [
    "Handler",
    "Headers",
    "Limits",
    "Peer",
    "Query",
    "RawStream",
    "Request",
    "Response",
    "Router",
    "Server",
    "WebSocket",
]

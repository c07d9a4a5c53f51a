"""BuildKit's protocols: gRPC over a connection that was taken over, and the services that builds use of it.

`protobuf` is the wire format, made from annotated structs; `grpc/` carries calls both ways; `sessions` knows the
clients that have opened `POST /session`, and `session_client` asks them for directories, secrets, keys and logins;
`filesync/` is the transfer of file trees; `trace` says a build's progress in BuildKit's words; `control` and `gateway`
answer what `POST /grpc` can be asked. The messages of each protocol are in `messages/`.
"""

"""What a session's client answers: its logins, secrets, SSH agents, files, and whether it is well."""

from __future__ import annotations

from typing import Annotated

from pogu.dialects.buildkit.protobuf import Message

CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105
CHECK_AGENT = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD_AGENT = "/moby.sshforward.v1.SSH/ForwardAgent"
SYNC_FILES = "/moby.filesync.v1.FileSync/DiffCopy"
SEND_FILES = "/moby.filesync.v1.FileSend/DiffCopy"
PULL_UPLOAD = "/moby.upload.v1.Upload/Pull"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"


class CredentialsRequest(Message):
    host: Annotated[str, 1] = ""


class CredentialsResponse(Message):
    username: Annotated[str, 1] = ""
    secret: Annotated[str, 2] = ""


class GetSecretRequest(Message):
    id: Annotated[str, 1] = ""
    annotations: Annotated[dict[str, str], 2] = {}


class GetSecretResponse(Message):
    data: Annotated[bytes, 1] = b""


class CheckAgentRequest(Message):
    id: Annotated[str, 1] = ""


class CheckAgentResponse(Message):
    pass


class BytesMessage(Message):
    """A piece of a stream of bytes; several services have their own of the same form."""

    data: Annotated[bytes, 1] = b""


class HealthCheckRequest(Message):
    service: Annotated[str, 1] = ""


class HealthCheckResponse(Message):
    status: Annotated[int, 1] = 0
    """1: serving."""

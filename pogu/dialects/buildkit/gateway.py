"""`moby.buildkit.v1.frontend.LLBBridge`: a client that directs a build itself, as buildx does all of them.

It asks for what the Dockerfile front end makes, gets a reference, and returns that as the result of its build; the work
is done then. What a reference holds cannot be looked into: the capabilities say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pogu.dialects.buildkit.frontend import check_frontend
from pogu.dialects.buildkit.grpc import Handler, Incoming
from pogu.dialects.buildkit.grpc.statuses import error_of
from pogu.dialects.buildkit.jobs import Job, Jobs
from pogu.dialects.buildkit.messages import gateway as messages
from pogu.dialects.buildkit.messages.control import WorkerRecord
from pogu.dialects.buildkit.messages.status import Status
from pogu.dialects.buildkit.trace import Trace
from pogu.engine.build.progress import Warned
from pogu.errors import InvalidArgument, PoguError, Unsupported

_SERVICE = "/moby.buildkit.v1.frontend.LLBBridge"
_FRONTEND = (
    "solve.base",
    "return",
    "returnmap",
    "proto.refarray",
    "frontend.caps",
    "frontend.inputs",
    "importcaches",
    "gateway.warnings",
)


class Gateway:
    """Answers the calls."""

    def __init__(self, jobs: Jobs, worker: Callable[[], WorkerRecord]) -> None:
        self._jobs = jobs
        self._worker = worker

    def methods(self) -> Mapping[str, Handler]:
        """Return what can be called."""
        return {
            f"{_SERVICE}/Ping": self.ping,
            f"{_SERVICE}/Solve": self.solve,
            f"{_SERVICE}/Return": self.give_back,
            f"{_SERVICE}/Inputs": self.inputs,
            f"{_SERVICE}/Warn": self.warn,
        }

    async def _job(self, call: Incoming) -> Job:
        identifier = call.metadata.get(messages.BUILD_ID, "")
        if not identifier:
            raise InvalidArgument("no buildid found in context")
        return await self._jobs.get(identifier)

    async def ping(self, call: Incoming) -> None:
        await call.request(messages.PingRequest)
        await self._job(call)
        can = [messages.Capability(id=name, enabled=True) for name in _FRONTEND]
        await call.send([messages.PongResponse(frontend_capabilities=can, workers=[self._worker()])])

    async def solve(self, call: Incoming) -> None:
        request = await call.request(messages.SolveRequest)
        job = await self._job(call)
        if request.definition is not None and request.definition.definition:
            raise Unsupported("builds of low-level definitions are not available; only Dockerfiles are built")
        check_frontend(request.frontend, request.frontend_opt)
        reference = messages.Ref(id=job.add_result(request.frontend_opt))
        await call.send([messages.SolveResponse(result=messages.Result(ref=reference))])

    async def give_back(self, call: Incoming) -> None:
        request = await call.request(messages.ReturnRequest)
        job = await self._job(call)
        if not job.returned.done():
            if request.error is not None:
                job.returned.set_exception(_error(request.error))
                job.returned.exception()  # where nobody waits for it, it is no fault of ours
            else:
                job.returned.set_result(_reference(request.result))
        await call.send([messages.ReturnResponse()])

    async def inputs(self, call: Incoming) -> None:
        await call.request(messages.InputsRequest)
        await call.send([messages.InputsResponse()])

    async def warn(self, call: Incoming) -> None:
        request = await call.request(messages.WarnRequest)
        trace = Trace((await self._job(call)).tell)
        message, detail = request.short.decode(errors="replace"), b"\n".join(request.detail).decode(errors="replace")
        trace.take(Warned(vertex=request.digest, rule="", message=message, detail=detail, url=request.url))
        trace.flush()
        await call.send([messages.WarnResponse()])


def _error(status: Status) -> PoguError:
    error = error_of({"grpc-status": str(status.code or 2)})
    assert error is not None
    return type(error)(status.message)


def _reference(result: messages.Result | None) -> str:
    if result is None:
        return ""
    if result.refs is not None and len(result.refs.refs) > 1:
        raise Unsupported("a build with several results is not available")
    if result.refs is not None:
        return next((ref.id for ref in result.refs.refs.values()), "")
    return result.ref.id if result.ref is not None else result.ref_deprecated

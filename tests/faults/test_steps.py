"""The daemon dies, or fails, exactly at each named step of each operation; afterwards everything is as it must be.

The short form tries one step of each operation; `make soak` tries every step that the operations go through, kills at
random moments besides, and writes the counts to docs/evidence/.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from docker.errors import APIError

from tests.faults.ground import LOST, FaultDaemon, all_steps, trace
from tests.faults.operations import OPERATIONS, Operation, attempt

# docker-py forgets the socket of a connection that was cut
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

REPEATED = 2  # a step that an operation reaches more often is tried the first so many times
SHORT = {
    "container create": ("storage.container.named", "state.committed"),
    "container start": ("runtime.create.recorded",),
    "container exit": ("container.exit.let-go",),
    "container exec": ("runtime.exec.spawned",),
    "container commit": ("image.make.layer",),
    "container remove": ("container.remove.cleared",),
    "image load": ("storage.layer.named",),
    "image build": ("build.command.ended", "build.step.recorded"),
    "image pull": ("image.pull.layer",),
    "image push": ("image.push.sent",),
    "image untag": ("state.written",),
    "volume create": ("volume.create.directory",),
    "volume remove": ("volume.remove.moved",),
    "network create": ("network.bridge.made",),
    "network connect": ("network.attach.pair",),
    "network disconnect": ("network.leave.detached",),
}
# Where nothing can fail any more, or what fails is tried again at the next start: removal of what has ended, and what
# comes after the commit.
_CANNOT_FAIL = re.compile(
    r"(runtime\.delete|container\.(clear|exit|remove)|image\.discard)\.|.*\.(recorded|committed|thawed|ended|removed|detached)"
)


@pytest.fixture
def faulty() -> Iterator[FaultDaemon]:
    daemon = FaultDaemon()
    try:
        daemon.start()
        daemon.load_image("busybox")
        yield daemon
    finally:
        daemon.arm()
        daemon.close()


def test_the_short_form_names_steps_that_there_are() -> None:
    assert {step for steps in SHORT.values() for step in steps} <= all_steps()
    assert SHORT.keys() <= {o.name for o in OPERATIONS}


def test_kills_at_named_steps(faulty: FaultDaemon) -> None:
    """The short form: each operation is killed in its middle, while containers write numbered lines."""
    faulty.begin_writers(3)
    by_name = {o.name: o() for o in OPERATIONS}
    for name, steps in SHORT.items():
        for step in steps:
            assert _kill(faulty, by_name[name], step, 1), f"{name} does not reach {step}"
    faulty.check_lines()


def test_failures_at_named_steps(faulty: FaultDaemon) -> None:
    """The short form of failures that the daemon survives: a full and a failing disk."""
    by_name = {o.name: o() for o in OPERATIONS}
    cases = (
        ("container create", "storage.container.prepared", "ENOSPC"),
        ("container start", "container.start.files", "ENOSPC"),
        ("container commit", "image.blob.written", "EIO"),
        ("image load", "image.load.received", "ENOSPC"),
        ("image pull", "image.download.verified", "ENOSPC"),
        ("volume create", "state.written", "EIO"),
        ("network create", "network.create.recorded", "EIO"),
    )
    for name, step, error in cases:
        _fail(faulty, by_name[name], step, 1, error)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    "nouns", ["container", "image", "volume network"], ids=["containers", "images", "volumes-networks"]
)
def test_every_step_of_every_operation(
    faulty: FaultDaemon, nouns: str, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    """Under --soak: kills and failures at every step, with 20 writers all along."""
    if soak(0, 1) == 0:
        pytest.skip("the long form of the tests above")
    faulty.begin_writers(20)
    operations = [o() for o in OPERATIONS if o.name.split()[0] in nouns.split()]
    reached: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for operation in operations:
        steps = _steps_of(faulty, operation)
        reached += steps
        for turn, (step, times) in enumerate(steps.items()):
            for number in range(1, min(times, REPEATED) + 1):
                tried["kills"] += _kill(faulty, operation, step, number)
                tried["operations_times_steps"] += 1
            if _can_fail(operation, step):
                _fail(faulty, operation, step, 1, ("ENOSPC", "EIO")[turn % 2])
                tried["errors_at_steps"] += 1
    lines = faulty.check_lines()
    evidence(
        operations=[o.name for o in operations], steps=sorted(reached), **tried, starts=faulty.starts,
        writers=len(faulty.writers), lines=lines, lines_missing=0,
        invariants_checked=dict(faulty.invariants), failures=0,
    )  # fmt: skip


def test_every_step_belongs_to_an_operation(faulty: FaultDaemon) -> None:
    """What the source names is gone through by an operation here, so that a new step is tried from then on."""
    reached: Counter[str] = Counter()
    for kind in OPERATIONS:
        reached += _steps_of(faulty, kind())
    assert _here() == set(reached), _here() ^ set(reached)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_kills_at_random_moments(
    faulty: FaultDaemon, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    """The daemon is killed at some moment of some operation, while containers write numbered lines."""
    faulty.begin_writers(int(soak(2, 20)))
    kills = int(soak(2, 100))
    for _ in range(kills):
        _kill_at_random(faulty)
    lines = faulty.check_lines()
    evidence(
        kills=kills, writers=len(faulty.writers), lines=lines, lines_missing=0,
        invariants_checked=dict(faulty.invariants), failures=0,
    )  # fmt: skip


def _here() -> set[str]:
    """Return the steps of the operations here; those of the registry server are tried by its own tests."""
    return {s for s in all_steps() if not s.startswith("registry.")}


def _can_fail(operation: Operation, step: str) -> bool:
    """A container is removed even where its volume cannot be: that stays, and the log says so."""
    removes = operation.name == "container remove" and step.startswith("volume.")
    return not removes and not _CANNOT_FAIL.match(step)


def _kill(daemon: FaultDaemon, operation: Operation, step: str, number: int) -> bool:
    """Kill the daemon at a step of an operation and judge what the next one makes of it; False if it went by."""
    what = f"{operation.name}, killed at {step} number {number}"
    with daemon.api() as api:
        operation.prepare(api)
        daemon.arm(f"{step}=kill@{number}")
        acknowledged = attempt(operation, api, LOST)
    died = daemon.has_died(3)
    daemon.arm()
    if died:
        daemon.start()
    _judge(daemon, operation, what, acknowledged)
    return died


def _fail(daemon: FaultDaemon, operation: Operation, step: str, number: int, error: str) -> None:
    """Let a step of an operation fail; the caller is told why, the daemon goes on, and nothing half-made is left."""
    what = f"{operation.name}, {error} at {step} number {number}"
    words = {"ENOSPC": "no space left on device", "EIO": "input/output error"}[error]
    told = ""
    with daemon.api() as api:
        operation.prepare(api)
        daemon.arm(f"{step}={error}@{number}")
        try:
            operation.do(api)
        except LOST as e:
            told = str(e).lower()
        daemon.arm()
    assert not told or words in told, f"{what}: the caller was told {told!r}\n{daemon.story()}"
    _judge(daemon, operation, what, not told)


def _judge(daemon: FaultDaemon, operation: Operation, what: str, acknowledged: bool) -> None:
    daemon.check(what)
    with daemon.api() as api:
        try:
            operation.judge(api, acknowledged)
        except (AssertionError, APIError) as e:
            told = f"{what} ({'' if acknowledged else 'not '}acknowledged)"
            raise AssertionError(f"{told}: {e}\n{daemon.story()}") from e
        daemon.invariants["wholly or not"] += 1
        operation.clear(api)


def _kill_at_random(daemon: FaultDaemon) -> None:
    """Kill the daemon at some moment while one operation after the other is done."""
    operation = random.choice(OPERATIONS)()
    with daemon.api() as api:
        operation.prepare(api)
        killer = threading.Timer(random.uniform(0.0, 0.3), _signal(daemon))
        killer.start()
        acknowledged = attempt(operation, api, LOST)
        killer.join()
    assert daemon.has_died(10)
    time.sleep(random.uniform(0.0, 0.2))
    daemon.start()
    _judge(daemon, operation, f"{operation.name}, killed at a random moment", acknowledged)


def _signal(daemon: FaultDaemon) -> Callable[[], None]:
    assert daemon.process
    return daemon.process.kill


def _steps_of(daemon: FaultDaemon, operation: Operation) -> Counter[str]:
    """Return the steps that an operation goes through, and how often each."""
    file = daemon.home / "trace"
    file.unlink(missing_ok=True)
    with daemon.api() as api:
        operation.prepare(api)
        daemon.arm(f"*=note:{file}")
        operation.do(api)
        found = trace(daemon, file)
        daemon.arm()
        operation.judge(api, True)
        operation.clear(api)
    return found

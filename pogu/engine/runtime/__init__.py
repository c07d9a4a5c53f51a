"""Runs containers: makes the OCI configuration, and supervises through conmon over crun or runc."""

from pogu.engine.runtime.conmon import ConmonSupervisor
from pogu.engine.runtime.supervisor import (
    STDERR,
    STDOUT,
    ExecProcess,
    Exit,
    LaunchSpec,
    Processes,
    Supervisor,
    SupervisorStream,
)

__all__ = [
    "STDERR",
    "STDOUT",
    "ConmonSupervisor",
    "ExecProcess",
    "Exit",
    "LaunchSpec",
    "Processes",
    "Supervisor",
    "SupervisorStream",
]

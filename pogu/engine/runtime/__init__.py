"""Runs containers: makes the OCI configuration, and supervises through conmon over crun or runc."""

from pogu.engine.runtime.conmon import ConmonSupervisor
from pogu.engine.runtime.host import HostFacts, read_host
from pogu.engine.runtime.process import exec_process, process_env
from pogu.engine.runtime.resources import oci_resources
from pogu.engine.runtime.spec import MASKED_PATHS, READONLY_PATHS, Namespace, Namespaces, oci_spec
from pogu.engine.runtime.stats import Counters
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
from pogu.engine.runtime.users import ResolvedUser, resolve_user

__all__ = [
    "MASKED_PATHS",
    "READONLY_PATHS",
    "STDERR",
    "STDOUT",
    "ConmonSupervisor",
    "Counters",
    "ExecProcess",
    "Exit",
    "HostFacts",
    "LaunchSpec",
    "Namespace",
    "Namespaces",
    "Processes",
    "ResolvedUser",
    "Supervisor",
    "SupervisorStream",
    "exec_process",
    "oci_resources",
    "oci_spec",
    "process_env",
    "read_host",
    "resolve_user",
]

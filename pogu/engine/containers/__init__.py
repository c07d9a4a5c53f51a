"""Containers: everything from create to removal. Call `Containers`; the rest are the values that go in and come out."""

from pogu.engine.containers.attach import AttachOptions, AttachSession, ContainerSession
from pogu.engine.containers.containers import Containers
from pogu.engine.containers.create.create import Created
from pogu.engine.containers.execs import Exec, ExecConfig, ExecSession
from pogu.engine.containers.table import WaitResult

__all__ = [
    "AttachOptions",
    "AttachSession",
    "ContainerSession",
    "Containers",
    "Created",
    "Exec",
    "ExecConfig",
    "ExecSession",
    "WaitResult",
]

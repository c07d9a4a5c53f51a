"""The engine's records: durable key-value rows in SQLite, many callers sharing one commit, and a last good copy."""

from pogu.engine.state.change import Change, Delete, Put
from pogu.engine.state.recovery import Restoration
from pogu.engine.state.store import StateStore

__all__ = ["Change", "Delete", "Put", "Restoration", "StateStore"]

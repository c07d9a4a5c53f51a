"""The engine's records: durable key-value rows in SQLite, many callers sharing one commit."""

from pogu.engine.state.store import Change, Delete, Put, StateStore

__all__ = ["Change", "Delete", "Put", "StateStore"]

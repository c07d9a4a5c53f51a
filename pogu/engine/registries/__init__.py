"""Registries: where they are, how they are spoken to, and what they hold.

Call `Registries`: it finds the endpoints of a name, logs in, searches, and opens a `Repository` to read from or write
to. Everything here blocks, so it is for threads; `Canceller` ends what a thread is waiting for. Nothing here needs a
daemon. `copying` takes images from one registry to another.
"""

from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.credentials import Credentials, decode_credentials
from pogu.engine.registries.failures import RegistryError
from pogu.engine.registries.registries import Registries
from pogu.engine.registries.repository import Fetched, Repository

__all__ = ["Canceller", "Credentials", "Fetched", "Registries", "RegistryError", "Repository", "decode_credentials"]

"""Where layers and containers' root file systems are: `StorageDriver` and its implementations.

Call `open_driver` once and `start` what it returns; everything else goes through the interface.
"""

from pogu.engine.storage.driver import Change, ChangeKind, LayerInfo, StorageDriver
from pogu.engine.storage.drivers import open_driver
from pogu.engine.storage.layered import chain_of

__all__ = ["Change", "ChangeKind", "LayerInfo", "StorageDriver", "chain_of", "open_driver"]

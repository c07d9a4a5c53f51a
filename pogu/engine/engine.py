"""One engine: its rooms, made in order and ended in the reverse one."""

from __future__ import annotations

import asyncio
import logging
import stat
import uuid

from pogu.engine.build.building import Builder
from pogu.engine.config import EngineConfig
from pogu.engine.containers import Containers
from pogu.engine.events import EventBus
from pogu.engine.images import Images
from pogu.engine.networks import Networks
from pogu.engine.runtime import ConmonSupervisor
from pogu.engine.state import StateStore
from pogu.engine.storage import open_driver
from pogu.engine.volumes import Volumes
from pogu.linux.filesystems import spread

log = logging.getLogger(__name__)


class Engine:
    """Everything that runs containers on one machine. Two engines with other directories and names do not meet.

    Raises (from the constructor):
        PoguError: the state cannot be read.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        _make_directories(config)
        self.id = _engine_id(config)
        self.state = StateStore(config.root / "state.db")
        self.restoration = self.state.restoration
        self.events = EventBus()
        self.storage = open_driver(config.storage_driver, config.root)
        self.images = Images(config, self.state, self.events, self.storage)
        self.volumes = Volumes(config, self.state, self.events)
        self.networks = Networks(config, self.state, self.events)
        self.supervisor = ConmonSupervisor(config)
        self.containers = Containers(
            config=config,
            state=self.state,
            events=self.events,
            images=self.images,
            storage=self.storage,
            volumes=self.volumes,
            networks=self.networks,
            supervisor=self.supervisor,
        )
        self.builder = Builder(config, self.state, self.images, self.storage, self.containers)
        self.images.in_use = self.containers.users_of_image
        self.volumes.in_use = self.containers.users_of_volume
        self.networks.in_use = self.containers.users_of_network

    async def start(self) -> None:
        """Read the state, repair what a crash left, and take up the containers that run.

        Raises:
            PoguError: a room cannot start; those started are stopped again.
        """
        try:
            await self._tell_restoration()
            await self.storage.start()
            await self.volumes.start()
            await self.builder.load()
            await asyncio.gather(self.images.start(), self.networks.start())
            await self.containers.open()
            await self.builder.start()
        except BaseException:
            await self.stop()
            raise

    async def _tell_restoration(self) -> None:
        """Say that the records were restored. What may be lost is kept in mind over restarts, until a person knows."""
        if self.restoration is None:
            return
        log.warning("%s", self.restoration.text)
        if self.restoration.complete:
            await self.state.forget_restoration()
        else:
            self.containers.rooms.keeps_strays = self.images.keeps_strays = True

    async def forget_restoration(self) -> None:
        """Note that whoever runs this engine knows what was lost; from the next start on strays are cleared again."""
        await self.state.forget_restoration()
        self.restoration = None

    async def stop(self, stop_containers: bool = False) -> None:
        """Finish what is under way and let go; containers go on running unless `stop_containers`."""
        await self.containers.close(stop_containers)
        await self.supervisor.close()
        await self.networks.stop()
        await self.volumes.stop()
        await self.builder.stop()
        await self.images.stop()
        await self.storage.stop()
        await asyncio.to_thread(self.state.close)


def _make_directories(config: EngineConfig) -> None:
    """Make the directories, closed to the host's other users where these are there already.

    A program that a container has made set-user-ID root must be out of their reach (CVE-2021-41091): it lies in the
    container's layer, in its mounted root or in a volume. Only `run` itself is open, for the socket.
    """
    config.root.mkdir(parents=True, exist_ok=True, mode=0o710)
    config.run.mkdir(parents=True, exist_ok=True, mode=0o711)
    inner = [config.run / name for name in ("rootfs", "runtime", "netns", "shm")]
    for directory in inner:
        directory.mkdir(exist_ok=True, mode=0o700)
    for directory in (config.root, *inner):
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & 0o007:
            directory.chmod(mode & ~0o007)
    for name in ("containers", "spools"):
        (config.root / name).mkdir(exist_ok=True, mode=0o700)
        spread(config.root / name)


def _engine_id(config: EngineConfig) -> str:
    """Return the engine's own ID, kept in its root directory from its first start on."""
    path = config.root / "engine-id"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        new = str(uuid.uuid4())
        path.write_text(new)
        return new

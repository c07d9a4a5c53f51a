"""The registry as a container image: busybox, the Python that runs here, and settings that arguments override.

Needs no registry and no downloads. `docker run -d -p 5000:5000 pogu-registry` serves what is in its volume.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from pogu import __version__
from pogu.engine.archive import DIRECTORY, Entry, TarWriter
from pogu.engine.images.busybox import write_busybox
from pogu.registry import installation

NAME = "pogu-registry"
VOLUME = "/var/lib/registry"
_SETTINGS = "/etc/pogu/registry.toml"
_COMMAND = "usr/local/bin/pogu"
_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
_CERTIFICATES = (_TRUSTED, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

# What the Dockerfile of the image would say, as `import --change` takes it
CHANGES = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    f"ENV LD_LIBRARY_PATH=/{installation.LIBRARIES}",
    f"ENV SSL_CERT_FILE={_TRUSTED}",
    f'ENTRYPOINT ["pogu", "registry", "serve", "--config", "{_SETTINGS}"]',
    "EXPOSE 5000",
    f"VOLUME {VOLUME}",
    "STOPSIGNAL SIGTERM",
    f"LABEL org.opencontainers.image.title={NAME} org.opencontainers.image.version={__version__}",
)

_TEXTS = {
    _SETTINGS[1:]: (
        "# What `pogu registry serve` is told here; arguments of the container go before it. See docs/registry.md.\n"
        f'root = "{VOLUME}"\nlisten = ["0.0.0.0:5000"]\n'
        "# who may reach the container is decided where its port is published\ninsecure = true\n"
    ),
    _COMMAND: (
        f'#!/{installation.PYTHON} -s\nimport sys\n\nsys.path.insert(0, "/{installation.PACKAGES}")\n'
        "from pogu.cli.main import main\n\nmain()\n"
    ),
}


async def write(target: Path) -> None:
    """Write the archive of the image's root file system to the file `target`, uncompressed.

    Raises:
        Unsupported: a program is missing on this machine; the message says what to install.
    """
    files = await installation.files()
    certificates = next((path for path in map(Path, _CERTIFICATES) if path.is_file()), None)
    if certificates is not None:  # for a cache of another registry, object stores and webhooks
        files[_TRUSTED[1:]] = certificates
    await write_busybox(target)
    await asyncio.to_thread(_append, target, files, _TEXTS)


def _append(target: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    """Add files to an archive, which ends with two blocks of zeros (tar(5))."""
    with target.open("r+b") as out:
        out.seek(-1024, os.SEEK_END)
        out.truncate()

        def emit(data: bytes) -> None:
            out.write(data)

        tar = TarWriter(emit)
        for folder in _folders([*files, *texts, f"{VOLUME[1:]}/x"]):
            tar.add(Entry(f"{folder}/", type=DIRECTORY, mode=0o755))
        for name, path in sorted(files.items()):
            data, status = path.read_bytes(), path.stat()
            mode = 0o755 if status.st_mode & 0o100 else 0o644
            tar.add(Entry(name, mode=mode, size=len(data), stored=len(data), mtime_ns=status.st_mtime_ns), data)
        for name, text in texts.items():
            data = text.encode()
            tar.add(Entry(name, mode=0o755 if name == _COMMAND else 0o644, size=len(data), stored=len(data)), data)
        tar.finish()


def _folders(names: Iterable[str]) -> list[str]:
    """Return the folders that files are in, outer ones first."""
    return sorted({str(folder) for name in names for folder in PurePosixPath(name).parents} - {"."})

"""Mounts as people write them (`-v`, `--mount`, `--volumes-from`, `--tmpfs`), without touching any of them.

Parsing gives `MountPoint` records; `create/volumes.py` makes the volumes, `rootfs.py` mounts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pogu.engine.model import Mount, MountPoint, VolumeOptions
from pogu.errors import InvalidArgument

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_MODES = {
    **dict.fromkeys(("rw", "ro"), "access"),
    **dict.fromkeys(("z", "Z"), "label"),
    **dict.fromkeys(PROPAGATIONS, "propagation"),
    "nocopy": "copy",
    **dict.fromkeys(("consistent", "cached", "delegated", "default"), "consistency"),
}
_TMPFS_OPTIONS = ("exec", "noexec")


def valid_mode(mode: str) -> bool:
    """Tell whether `mode` is a comma-separated list of known options, at most one of each kind."""
    if not mode:
        return True
    kinds = [_MODES.get(option) for option in mode.split(",")]
    return None not in kinds and len(set(kinds)) == len(kinds)


def writable(mode: str) -> bool:
    """Tell whether a valid mode allows writing."""
    return "ro" not in mode.split(",")


def parse_bind(raw: str, volume_driver: str = "") -> MountPoint:
    """Return the mount of one `-v` value: `/dst`, `/src:/dst`, `name:/dst`, each with `:mode`.

    A source that is no absolute path names a volume; without a source the volume is anonymous.

    Raises:
        InvalidArgument: with Docker's words (`invalid volume specification: 'x'`, `invalid mode: x`).
    """
    parts = raw.split(":")
    bad = InvalidArgument(f"invalid volume specification: '{raw}'")
    if not parts[0] or len(parts) > 3 or (len(parts) == 2 and valid_mode(parts[1])):
        raise bad
    source, target, mode = ("", raw, "") if len(parts) == 1 else (*parts, "")[:3]
    if not valid_mode(mode):
        raise InvalidArgument(f"invalid mode: {mode}")
    mount = Mount(type="bind" if source.startswith("/") else "volume", source=source, target=target)
    options = mode.split(",")
    mount.read_only = not writable(mode)
    if found := [o for o in options if o in PROPAGATIONS]:
        mount.bind_options = {"Propagation": found[0]}
    volume: VolumeOptions = {"NoCopy": True} if "nocopy" in options else {}
    if volume_driver and mount.type == "volume":
        volume["DriverConfig"] = {"Name": volume_driver}
    mount.volume_options = volume or None
    try:
        point = parse_mount(mount, source_must_exist=False)
    except InvalidArgument as e:
        raise InvalidArgument(f"{bad.message}: {e.message}") from None
    point.mode = mode
    if point.type == "bind":
        point.options["CreateMountpoint"] = True  # `-v` makes a missing source directory, `--mount` does not
    return point


def parse_mount(mount: Mount, source_must_exist: bool = True) -> MountPoint:
    """Return the mount of one entry of HostConfig.Mounts. Raises InvalidArgument as `check_mount`."""
    check_mount(mount, source_must_exist)
    bind, volume, tmpfs = mount.bind_options or {}, mount.volume_options or {}, mount.tmpfs_options or {}
    point = MountPoint(type=mount.type, destination=clean(mount.target), rw=not mount.read_only)
    if mount.type == "bind":
        point.source = clean(mount.source or "")
        point.propagation = bind.get("Propagation") or "rprivate"
        point.options = {k: v for k, v in bind.items() if k != "Propagation" and v}
    elif mount.type == "volume":
        point.name = mount.source or ""
        point.no_copy = bool(volume.get("NoCopy"))
        point.subpath = volume.get("Subpath") or ""
        point.driver = (volume.get("DriverConfig") or {}).get("Name") or ""
    elif mount.type == "tmpfs":
        point.options = dict(tmpfs)
    elif mount.type == "image":
        point.source, point.rw, point.propagation = mount.source or "", False, "rprivate"
        point.subpath = (mount.image_options or {}).get("Subpath") or ""
    return point


def parse_volumes_from(spec: str) -> tuple[str, str]:
    """Return (container, mode) of one `--volumes-from` value.

    Raises:
        InvalidArgument: it is empty or its mode is not ro or rw (with labels and consistency).
    """
    if not spec:
        raise InvalidArgument("volumes-from specification cannot be an empty string")
    name, _, mode = spec.partition(":")
    if not mode:
        return name, "rw"
    options = mode.split(",")
    if not valid_mode(mode) or any(_MODES[o] in ("propagation", "copy") for o in options):
        raise InvalidArgument(f"invalid mode: {mode}")
    return name, mode


def check_mount(mount: Mount, source_must_exist: bool = True) -> None:
    """Raise InvalidArgument with Docker's words (`invalid mount config for type "bind": …`)."""
    fault = _fault(mount, source_must_exist)
    if fault:
        raise InvalidArgument(f'invalid mount config for type "{mount.type}": {fault}')


def _fault(mount: Mount, source_must_exist: bool) -> str:
    if extra := _foreign_options(mount):
        return f"field {extra} must not be specified"
    if fault := _target_fault(mount.target):
        return fault
    if mount.type == "bind":
        return _bind_fault(mount, source_must_exist)
    if mount.type == "volume":
        return _subpath_fault(mount.volume_options, bool(mount.source))
    if mount.type == "tmpfs":
        return "field Source must not be specified" if mount.source else _tmpfs_fault(mount.tmpfs_options or {})
    if mount.type == "image":
        return _subpath_fault(mount.image_options, True) if mount.source else "field Source must not be empty"
    return "mount type unknown"


def _foreign_options(mount: Mount) -> str:
    """Return the name of an option object that belongs to another type of mount."""
    for kind, name, value in (
        ("bind", "BindOptions", mount.bind_options),
        ("volume", "VolumeOptions", mount.volume_options),
        ("tmpfs", "TmpfsOptions", mount.tmpfs_options),
        ("image", "ImageOptions", mount.image_options),
    ):
        if value is not None and kind != mount.type:
            return name
    return ""


def _target_fault(target: str) -> str:
    if not target:
        return "field Target must not be empty"
    if "\0" in target:
        return "invalid mount path: a null byte"
    if clean(target) == "/":
        return "invalid specification: destination can't be '/'"
    return "" if target.startswith("/") else f"invalid mount path: '{target}' mount path must be absolute"


def _bind_fault(mount: Mount, source_must_exist: bool) -> str:
    if not mount.source:
        return "field Source must not be empty"
    options = mount.bind_options or {}
    propagation = options.get("Propagation")
    if propagation and propagation not in PROPAGATIONS:
        return f"invalid propagation mode: {propagation}"
    if not mount.source.startswith("/"):
        return f"invalid mount path: '{mount.source}' mount path must be absolute"
    if "\0" in mount.source:
        return "invalid mount path: a null byte"
    if source_must_exist and not options.get("CreateMountpoint") and not _exists(mount.source):
        return f"bind source path does not exist: {mount.source}"
    return ""


def _exists(path: str) -> bool:
    try:
        Path(path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # too long a name, too many links: the kernel says so when it is mounted
        return True
    return True


def _subpath_fault(options: Mapping[str, Any] | None, named: bool) -> str:
    subpath = (options or {}).get("Subpath") or ""
    if not subpath:
        return ""
    if not named:
        return "must not set Subpath when using anonymous volumes"
    normal = posixpath.normpath(subpath)
    if subpath.startswith("/") or normal == ".." or normal.startswith("../"):
        return "subpath must be a relative path within the volume"
    return ""


def _tmpfs_fault(options: Mapping[str, Any]) -> str:
    for option in options.get("Options") or []:
        if not isinstance(option, list) or not 1 <= len(option) <= 2:
            return "invalid option array length"
        if option[0] not in _TMPFS_OPTIONS:
            return f"invalid option: {option[0]}"
    return ""


def check_tmpfs_target(target: str) -> None:
    """Raise InvalidArgument where a `--tmpfs` path is relative or the root."""
    if fault := _target_fault(target):
        raise InvalidArgument(fault)


def clean(path: str) -> str:
    """Return an absolute path without `.`, `..`, double or trailing slashes."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else posixpath.normpath(path)

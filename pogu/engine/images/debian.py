"""The file system of a Debian image, made by mmdebstrap from this machine's package archives."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.images.aptsources import apt_settings, host_sources, portable, sources_for
from pogu.errors import InvalidArgument, PoguError, Unsupported
from pogu.linux.processes import run, spawn

DEFAULT_SUITE = "bookworm"
_SUITE = re.compile(r"[a-z][a-z0-9.-]{0,40}")
_RELEASES = {"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky"}
# /bin and /sbin as links from the start: otherwise a package does it that needs the whole of Perl
_MERGED_USR = Path("/usr/share/mmdebstrap/hooks/maybe-merged-usr")

# What makes apt and dpkg fit a container: no caches that nobody reads, no services started by packages
_SETTINGS = {
    "/etc/apt/apt.conf.d/80container": (
        'APT::AutoRemove::SuggestsImportant "false";\n'
        'APT::Sandbox::User "root";\n'
        'Acquire::GzipIndexes "true";\n'
        'Acquire::Languages "none";\n'
        'Dir::Cache::pkgcache "";\n'
        'Dir::Cache::srcpkgcache "";\n'
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };\n'
    ),
    "/etc/dpkg/dpkg.cfg.d/80container": "force-unsafe-io\n",
    "/usr/sbin/policy-rc.d": "#!/bin/sh\n# packages must not start services in a container\nexit 101\n",
}
_CLEAN = (
    'chmod 0755 "$1/usr/sbin/policy-rc.d"',
    'rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/var/cache/ldconfig/aux-cache"',
    'rm -f "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/apt/*.bin',
    'f="$1/etc/apt/sources.list.d/0000sources.list"; [ ! -e "$f" ] || mv "$f" "$1/etc/apt/sources.list"',
    'for f in resolv.conf hostname machine-id; do : > "$1/etc/$f"; done',
)


@dataclass(frozen=True, slots=True)
class HostRelease:
    """What /etc/os-release says: `debian` and `bookworm`, or another distribution."""

    id: str
    codename: str


def host_release(path: Path = Path("/etc/os-release")) -> HostRelease:
    """Return the distribution of this machine; empty where it does not say (os-release(5))."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    fields = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return HostRelease(fields.get("ID", "").strip("\"'"), fields.get("VERSION_CODENAME", "").strip("\"'"))


def suite_of(tag: str) -> str:
    """Return the suite that an image's tag means: a release's name or number, `latest` for this machine's own.

    Raises:
        InvalidArgument: it can be no suite.
    """
    if tag in ("", "latest"):
        host = host_release()
        return host.codename if host.id == "debian" and host.codename else DEFAULT_SUITE
    suite = _RELEASES.get(tag.partition(".")[0], tag)
    if not _SUITE.fullmatch(suite):
        raise InvalidArgument(f"{tag!r} is not a Debian suite, such as bookworm or sid")
    return suite


def sources_list(suite: str) -> str:
    """Return sources.list(5) for a suite: the archives that this machine uses, or Debian's own."""
    host = host_release()
    codename = host.codename if host.id == "debian" else ""
    return "".join(f"{s.line()}\n" for s in sources_for(suite, codename, host_sources()))


async def write_debian(suite: str, target: Path) -> None:
    """Make the archive `target` of a minimal Debian root file system; its directory holds what is needed meanwhile.

    Raises:
        Unsupported: mmdebstrap is not installed.
        PoguError: it failed; the message ends with what it said last.
    """
    work = target.parent
    settings = apt_settings(await _apt_config())
    (work / "sources").write_text(sources_list(suite))
    (work / "apt.conf").write_text("".join(f"{line}\n" for line in settings))
    argv = [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        "--skip=output/dev,chroot/policy-rc.d",  # which would remove the one we add
        *([f"--hook-dir={_MERGED_USR}"] if _MERGED_USR.is_dir() else []),
        f"--aptopt={work / 'apt.conf'}",
        *(f"--customize-hook={hook}" for hook in (*_uploads(work, portable(settings)), *_CLEAN)),
        suite,
        str(target),
        str(work / "sources"),
    ]
    await _run(argv, work)


def _uploads(work: Path, settings: list[str]) -> list[str]:
    """Write the files that are added to the image, and return the hooks that add them."""
    files = dict(_SETTINGS)
    if settings:
        files["/etc/apt/apt.conf.d/90host"] = "".join(f"{line}\n" for line in settings)
    hooks = []
    for number, (path, text) in enumerate(files.items()):
        (work / f"file{number}").write_text(text)
        hooks.append(f"upload {work}/file{number} {path}")
    return hooks


async def _apt_config() -> str:
    try:
        return (await run(["apt-config", "dump"])).stdout.decode(errors="replace")
    except OSError:
        return ""


async def _run(argv: list[str], work: Path) -> None:
    log = work / "log"
    output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    environment = {**os.environ, "TMPDIR": str(work), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        process = spawn(argv, fds={1: output, 2: output}, env=environment, setsid=True)
    except FileNotFoundError:
        raise Unsupported("mmdebstrap is not installed on this machine: apt-get install mmdebstrap") from None
    finally:
        os.close(output)
    try:
        code = await process.wait()
    finally:
        process.send_signal(15)  # it removes its own temporary root file system
        await process.wait()
    if code != 0:
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
        raise PoguError(f"mmdebstrap failed ({code}); it said:\n{last}")

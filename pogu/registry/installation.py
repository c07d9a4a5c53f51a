"""The Python program that is running, as files for another root file system: interpreter, packages, shared libraries.

It is taken as it is, so it fits itself, whether it came from Debian packages, a wheel or a checkout. In the other file
system the interpreter is `/usr/local/bin/python3`, which finds its library beside it (https://docs.python.org/3/library/
sys_path_init.html); packages are in `PACKAGES`, and the shared libraries that all these need in `LIBRARIES`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pogu
from pogu.errors import Unsupported
from pogu.linux.processes import run

PYTHON = "usr/local/bin/python3"
PACKAGES = "usr/local/lib/pogu"
LIBRARIES = "usr/local/lib/shared"

# Parts of the standard library that nobody needs who only runs a server
_LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "pydoc_data"}
_LEFT_OUT |= {"site-packages", "dist-packages"}
_BYTECODE = f".{sys.implementation.cache_tag}.pyc"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")  # the name at the start of a requirement (PEP 508)
_MAPPED = re.compile(r"\s(/\S+) \(0x")  # a line of ldd(1): the file that a needed library, or the loader, is
_LOADER = re.compile(r"/ld(-linux|-musl|64)?[^/]*\.so")


async def files(name: str = "pogu") -> dict[str, Path]:
    """Return what to put where (paths from the root, without a first `/`) so that the distribution `name` can run.

    Raises:
        Unsupported: ldd(1) is missing.
    """
    found = await asyncio.to_thread(_python, name)
    binaries = [path for path in found.values() if path == Path(sys.executable).resolve() or ".so" in path.suffixes]
    taken = {path.resolve() for path in found.values()}
    for library in await _libraries(binaries):
        if library.resolve() not in taken:  # wheels bring some of their own, which they find beside themselves
            loader = _LOADER.match(library.as_posix(), len(library.parent.as_posix()))
            found[library.as_posix().lstrip("/") if loader else f"{LIBRARIES}/{library.name}"] = library
    return found


def _python(name: str) -> dict[str, Path]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = {PYTHON: Path(sys.executable).resolve()}
    for part in ("platstdlib", "stdlib"):
        base = sysconfig.get_path(part, vars={"platbase": sys.base_exec_prefix, "base": sys.base_prefix})
        found.update((f"usr/local/lib/{version}/{inside}", path) for inside, path in _below(Path(base)))
    found.update((f"{PACKAGES}/pogu/{inside}", path) for inside, path in _below(Path(pogu.__path__[0])))
    for needed in _requirements(name):
        for file in needed.files or ():
            path = Path(str(file.locate()))
            if ".." not in file.parts and _wanted(Path(file)) and path.is_file():
                found[f"{PACKAGES}/{file.as_posix()}"] = path
    return found


def _requirements(name: str) -> Iterator[Distribution]:
    """Yield the distributions that `name` needs, and those that they need: of optional ones, those that are here."""
    todo, seen = [name], {name}
    while todo:
        for text in distribution(todo.pop()).requires or ():
            match = _REQUIREMENT.match(text)
            if match is None or match[0].lower() in seen or re.search(r";.*\bextra\s*==", text):
                continue
            try:
                yield distribution(match[0])
            except PackageNotFoundError:  # a marker says that this platform or version needs none
                continue
            seen.add(match[0].lower())
            todo.append(match[0])


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for directory, names, files in os.walk(folder):
        names[:] = [each for each in names if each not in _LEFT_OUT and not each.startswith("config-")]
        for path in (Path(directory, each) for each in files):
            if _wanted(path) and path.is_file():
                yield path.relative_to(folder).as_posix(), path


def _wanted(path: Path) -> bool:
    return (path.suffix != ".pyc" or path.name.endswith(_BYTECODE)) and not path.name.startswith("_tkinter")


async def _libraries(binaries: Iterable[Path]) -> list[Path]:
    try:
        done = await run(["ldd", *binaries])
    except FileNotFoundError:
        raise Unsupported("ldd is not installed on this machine: apt-get install libc-bin") from None
    # what is not found here is missing here too: parts of the standard library that this machine cannot use either
    return [Path(path) for path in dict.fromkeys(_MAPPED.findall(done.stdout.decode(errors="replace")))]

"""What is taken along of the Python that runs here; that it runs elsewhere is seen in the chapter's registry."""

from __future__ import annotations

import sys

from pogu.registry.installation import LIBRARIES, PACKAGES, PYTHON, files


async def test_what_is_needed_and_nothing_else() -> None:
    found = await files()
    assert found[PYTHON].samefile(sys.executable)
    assert f"{PACKAGES}/pogu/registry/process.py" in found
    assert f"{PACKAGES}/msgspec/__init__.py" in found
    assert f"{PACKAGES}/h11/__init__.py" in found  # a need of a need
    assert not [name for name in found if "pytest" in name or "site-packages" in name]
    assert not [name for name in found if name.endswith(".pyc") and sys.implementation.cache_tag not in name]
    assert any(name.startswith(f"{LIBRARIES}/libc.") for name in found)
    assert any("/ld-" in f"/{name}" and not name.startswith(LIBRARIES) for name in found)  # where programs say it is
    assert all(path.is_file() for path in found.values())

"""Names of layers."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from pogu.engine.storage import chain_of
from pogu.engine.storage.vfs import VfsDriver
from tests.engine.archive.tars import tar

pytestmark = pytest.mark.root


def test_chain_ids() -> None:
    """The example of the OCI image specification: the chain of A|B is the digest of "chain(A) diff(B)"."""
    assert chain_of(None, "sha256:aa") == "sha256:aa"
    expected = hashlib.sha256(b"sha256:aa sha256:bb").hexdigest()
    assert chain_of("sha256:aa", "sha256:bb") == f"sha256:{expected}"


async def test_two_chain_ids_that_begin_alike_have_directories_of_their_own(tmp_path: Path) -> None:
    data = tar("f")
    digits = hashlib.sha256(data).hexdigest()
    driver = VfsDriver(tmp_path)
    await driver.start()
    try:
        driver._short["sha256:other"] = digits[:12]
        info = await driver.add_layer(None, None, io.BytesIO(data))
        assert driver.path_of(info.chain_id).name == digits[:13]
    finally:
        await driver.stop()

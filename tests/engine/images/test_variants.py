"""What is here of an image for each platform."""

import json

from tests.engine.images.conftest import Machine, collected, digest_of, docker_archive, image_config, tar_of
from tests.engine.images.test_saving import members_of

ONE = tar_of({"one": b"1"})
TWO = tar_of({"two": b"22"})


async def test_the_manifest_is_the_one_that_save_writes(machine: Machine) -> None:
    await machine.load(docker_archive([ONE, TWO], ["app:1"]))
    identifier = digest_of(image_config([ONE, TWO]))
    machine.images.in_use = lambda image: [("c0ffee", "web", True)] if image == identifier else []
    (variant,) = machine.images.variants(identifier)
    files = members_of(await collected(machine.images.save(["app:1"])))
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert (variant.manifest.digest, variant.manifest.size) == (entry["digest"], entry["size"])
    manifest = files[f"blobs/{entry['digest'].replace(':', '/')}"]
    assert variant.content == len(manifest) + len(image_config([ONE, TWO])) + len(ONE) + len(TWO)
    assert variant.unpacked == machine.images.resolve("app:1").size
    assert (str(variant.platform), variant.containers) == ("linux/amd64", ["c0ffee"])

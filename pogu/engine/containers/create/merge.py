"""What a container inherits from its image, and the checks that follow."""

from __future__ import annotations

from pogu.engine.images import merge_config
from pogu.engine.model import ContainerConfig
from pogu.errors import InvalidArgument


def as_list(command: list[str] | str | None) -> list[str] | None:
    """Return a command as words; a bare string is one word, not a shell line."""
    return [command] if isinstance(command, str) else command


def merge_image_config(config: ContainerConfig, image: ContainerConfig) -> ContainerConfig:
    """Return `config` completed with what `image` says and the request does not.

    Raises:
        InvalidArgument: neither gives a command.
    """
    merged = merge_config(config, image)
    merged.cmd, merged.entrypoint = as_list(merged.cmd), as_list(merged.entrypoint)
    if merged.entrypoint == [""]:  # `--entrypoint ""` takes the image's away
        merged.entrypoint = None
    if not merged.entrypoint and not merged.cmd:
        raise InvalidArgument("no command specified")
    return merged

"""The options of `run` and `create`: declared, read, and turned into the body of a create request.

`container_options` adds them to a command; `create_body` returns the body.
"""

from pogu.cli.flags.body import create_body
from pogu.cli.flags.declare import container_options

__all__ = ["container_options", "create_body"]

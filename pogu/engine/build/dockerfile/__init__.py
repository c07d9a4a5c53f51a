"""The language of Dockerfiles: text in, typed instructions out, nothing is read or written.

`parse` reads a whole file and `parse_instruction` a trigger of ONBUILD; instructions keep variables unexpanded, and
`expand`, `expand_words` and `expand_heredoc` replace them once their values are known. `parse_mount` reads a
`RUN --mount` and `parse_ports` an EXPOSE after that. All errors are `DockerfileError`.
"""

from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.expansion import Expansion, expand, expand_heredoc, expand_words, expansion
from pogu.engine.build.dockerfile.instructions import (
    Add,
    Arg,
    Argument,
    Cmd,
    CommandLine,
    Copy,
    Directives,
    Dockerfile,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Heredoc,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Pair,
    Run,
    Shell,
    Stage,
    Stopsignal,
    Transfer,
    User,
    Volume,
    Workdir,
)
from pogu.engine.build.dockerfile.mounts import Mount, parse_mount
from pogu.engine.build.dockerfile.parsing import parse, parse_instruction, read_directives
from pogu.engine.build.dockerfile.ports import parse_ports

__all__ = [
    "Add",
    "Arg",
    "Argument",
    "Cmd",
    "CommandLine",
    "Copy",
    "Directives",
    "Dockerfile",
    "DockerfileError",
    "Entrypoint",
    "Env",
    "Expansion",
    "Expose",
    "From",
    "Healthcheck",
    "Heredoc",
    "Instruction",
    "Label",
    "Maintainer",
    "Mount",
    "Onbuild",
    "Pair",
    "Run",
    "Shell",
    "Stage",
    "Stopsignal",
    "Transfer",
    "User",
    "Volume",
    "Workdir",
    "expand",
    "expand_heredoc",
    "expand_words",
    "expansion",
    "parse",
    "parse_instruction",
    "parse_mount",
    "parse_ports",
    "read_directives",
]

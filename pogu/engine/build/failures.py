"""How a build fails: at a line of the Dockerfile, with what a command said."""

from __future__ import annotations

from pogu.errors import InvalidArgument


class BuildFailed(InvalidArgument):
    """A step cannot be done. `line` is of the Dockerfile, 0 where none is meant."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class CommandFailed(BuildFailed):
    """The command of a RUN ended with `code`; `reason` says why there is none to speak of."""

    def __init__(self, command: str, code: int, line: int, reason: str = "") -> None:
        super().__init__(f'process "{command}" did not complete successfully: exit code: {code}', line)
        self.command = command
        self.code = code
        self.reason = reason

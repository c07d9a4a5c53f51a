"""How an image's history tells of instructions: in BuildKit's words or in the classic builder's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from pogu.engine.build.dockerfile.errors import quoted
from pogu.engine.model import HealthConfig

CONTENT = "\0content"
"""Stands in the text of COPY and ADD for the name of what was copied, which is known when it has been."""


class Wording(ABC):
    """The texts of `created_by`, and the comment of each entry."""

    comment: str

    @abstractmethod
    def metadata(self, text: str, shell: Sequence[str]) -> str:
        """An instruction that changes the configuration alone."""

    @abstractmethod
    def command(self, name: str, words: Sequence[str], shell: Sequence[str]) -> str:
        """CMD or ENTRYPOINT."""

    @abstractmethod
    def run(self, args: Sequence[str], arguments: Sequence[str], *, counted: bool) -> str:
        """RUN, with the build arguments in force; `counted` when there are any, such that are not told included."""

    @abstractmethod
    def copy(self, text: str, owner: str, destination: str, shell: Sequence[str]) -> str:
        """COPY or ADD; where `CONTENT` stands belongs what `Solver.content` says."""

    def shell(self, words: Sequence[str]) -> str:
        return f"SHELL [{' '.join(words)}]"

    def volumes(self, paths: Sequence[str]) -> str:
        return f"VOLUME [{' '.join(paths)}]"

    def exposed(self, ports: Sequence[str], words: Sequence[str]) -> str:
        """EXPOSE; `words` are the ports as they are written."""
        return f"EXPOSE {' '.join(words)}"

    def health(self, health: HealthConfig) -> str:
        test = " ".join(quoted(word) for word in health.test or ())
        times = " ".join(quoted(_duration(value)) for value in (health.interval, health.timeout, health.start_period))
        return f"HEALTHCHECK &{{[{test}] {times} '\\x{health.retries:02x}'}}"


class BuildKit(Wording):
    """BuildKit's."""

    comment = "buildkit.dockerfile.v0"

    def metadata(self, text: str, shell: Sequence[str]) -> str:
        return text

    def command(self, name: str, words: Sequence[str], shell: Sequence[str]) -> str:
        return f"{name} [{' '.join(quoted(word) for word in words)}]"

    def run(self, args: Sequence[str], arguments: Sequence[str], *, counted: bool) -> str:
        before = [f"|{len(arguments)}", *arguments] if arguments else []
        return f"RUN {' '.join([*before, *args])} # buildkit"

    def copy(self, text: str, owner: str, destination: str, shell: Sequence[str]) -> str:
        return f"{text} # buildkit"

    def exposed(self, ports: Sequence[str], words: Sequence[str]) -> str:
        return f"EXPOSE map[{' '.join(f'{port}:{{}}' for port in sorted(ports))}]"


class Classic(Wording):
    """The classic builder's."""

    comment = ""

    def metadata(self, text: str, shell: Sequence[str]) -> str:
        return f"{' '.join(shell)} #(nop)  {text}"

    def command(self, name: str, words: Sequence[str], shell: Sequence[str]) -> str:
        return self.metadata(f"{name} {_json_words(words)}", shell)

    def run(self, args: Sequence[str], arguments: Sequence[str], *, counted: bool) -> str:
        before = [f"|{len(arguments)}", *arguments] if counted else []
        return " ".join([*before, *args])

    def copy(self, text: str, owner: str, destination: str, shell: Sequence[str]) -> str:
        chown = f"--chown={owner}" if owner else ""  # no space follows it in Docker's history
        return f"{' '.join(shell)} #(nop) {text.split(maxsplit=1)[0].upper()} {chown}{CONTENT} in {destination} "


def _json_words(words: Sequence[str]) -> str:
    """As Go prints a list with `%q`."""
    return f"[{' '.join(quoted(word) for word in words)}]"


def _duration(nanoseconds: int) -> str:
    """As Go prints a duration of whole seconds or less."""
    seconds, rest = divmod(nanoseconds, 10**9)
    if rest:
        return f"{nanoseconds / 10**9:g}s" if nanoseconds >= 10**9 else f"{nanoseconds / 10**6:g}ms"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"

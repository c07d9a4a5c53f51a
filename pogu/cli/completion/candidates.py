"""What may stand at the end of a command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pogu.cli import catalog
from pogu.cli.completion.names import Names
from pogu.cli.pflag import Command, Flag

GLOBAL_VALUES = frozenset(
    ("-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey")
)
_SHELLS = ("bash", "zsh", "fish")


class Candidate(NamedTuple):
    """A word, and what is said of it where the shell shows that."""

    word: str
    help: str = ""


class Found(NamedTuple):
    """The words that fit, and whether file names do as well."""

    candidates: list[Candidate]
    files: bool = False


def candidates(words: Sequence[str], names: Names, load: Callable[[str], Command]) -> Found:
    """Return what may stand for the last of `words` (those after the program's name; it may be empty or begun).

    `names` asks the daemon; `load` returns the command at a target of the catalogue.
    """
    *before, current = words or [""]
    line = _without_globals(before)
    if line is None:  # the value of a global option
        return _fitting(_global_value(before[-1], names), current, files=before[-1] in {"--config", "--tlscacert"})
    if not line and current.startswith("-"):
        return _fitting(_global_flags(), current)
    found = catalog.find(line)
    if found is None:
        return _fitting(_commands(line), current)
    name, entry, taken = found
    return _Line(load(entry.target), name, line[taken:], current, names).found()


def _without_globals(words: Sequence[str]) -> list[str] | None:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in GLOBAL_VALUES:
            if not rest:
                return None
            rest.pop(0)
    return rest


def _global_value(option: str, names: Names) -> Iterable[Candidate]:
    if option in {"-c", "--context"}:
        return map(Candidate, names.contexts())
    return map(Candidate, ("debug", "info", "warn", "error", "fatal") if option in {"-l", "--log-level"} else ())


def _global_flags() -> Iterator[Candidate]:
    for flags, text in catalog.GLOBAL_OPTIONS:
        yield Candidate(next(word for word in flags.replace(",", " ").split() if word.startswith("--")), text)


def _commands(line: Sequence[str]) -> Iterator[Candidate]:
    if not line:
        yield from (Candidate(name, text) for name, (text, _) in catalog.GROUPS.items())
        yield from (Candidate(name, entry.help) for name, entry in catalog.ROOT.items())
    elif len(line) == 1 and line[0] in catalog.GROUPS:
        yield from (Candidate(name, entry.help) for name, entry in catalog.GROUPS[line[0]][1].items())
    elif line == ["help"]:
        yield from _commands([])


def _fitting(found: Iterable[Candidate], current: str, *, files: bool = False) -> Found:
    seen = {candidate.word: candidate for candidate in found if candidate.word.startswith(current)}
    return Found([seen[word] for word in sorted(seen)], files)


class _Line:
    """The words after a command's name."""

    def __init__(self, command: Command, name: str, words: Sequence[str], current: str, names: Names) -> None:
        self._command = command
        self._name = name
        self._current = current
        self._names = names
        self._flags = {opt: flag for flag in command.flags for opt in flag.opts}
        self._positional: list[str] = []
        self._waiting: Flag | None = None  # the flag whose value is to come
        self._only_words = False
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if self._waiting is not None:
            self._waiting = None
        elif self._only_words or word == "-" or not word.startswith("-"):
            self._positional.append(word)
            self._only_words = self._only_words or self._command.rest
        elif word == "--":
            self._only_words = True
        elif "=" not in word:
            flag = self._flags.get(word if word.startswith("--") else f"-{word[-1]}")
            self._waiting = flag if flag is not None and flag.kind != "switch" else None

    def found(self) -> Found:
        """Return what may stand at the end."""
        if self._waiting is not None:
            return self._value(self._waiting, self._current, "")
        name, eq, begun = self._current.partition("=")
        if eq and name in self._flags and not self._only_words:
            return self._value(self._flags[name], begun, f"{name}=")
        if self._current.startswith("-") and not self._only_words:
            flags = [Candidate(flag.long, flag.help) for flag in self._command.flags if not flag.hidden]
            return _fitting([*flags, Candidate("--help", "Print usage")], self._current)
        return self._argument()

    def _value(self, flag: Flag, begun: str, prefix: str) -> Found:
        words = flag.choices or _VALUES.get(flag.long, ())
        if flag.long in _NAMED:
            words = getattr(self._names, _NAMED[flag.long])()
        found, files = _fitting(map(Candidate, words), begun, files=flag.long in _FILES)
        return Found([Candidate(prefix + candidate.word) for candidate in found], files)

    def _argument(self) -> Found:
        arguments = self._command.arguments
        at = min(len(self._positional), len(arguments) - 1)
        if at < 0 or (arguments[at].nargs > 0 and len(self._positional) > at):
            return Found([])
        kind = arguments[at].metavar
        words = [word for word in self._named(kind) if word not in self._positional]
        files = arguments[at].nargs < 0 and self._command.rest
        files = files or any(part in kind for part in ("file", "FILE", "PATH"))
        return _fitting(map(Candidate, words), self._current, files=files)

    def _named(self, kind: str) -> list[str]:
        if self._name == "completion":
            return list(_SHELLS)
        if kind.startswith("CONTAINER:"):
            return [f"{name}:" for name in self._names.containers()]
        last = self._name.rpartition(" ")[2]
        if "CONTAINER" in kind:
            return self._names.containers(_STATES.get(last, ""))
        if kind.startswith("NAME|ID"):
            names = self._names
            return [*names.containers(), *names.images(), *names.networks(), *names.volumes()]
        for noun in ("IMAGE", "NETWORK", "VOLUME", "CONTEXT"):
            if kind.strip("[").startswith((noun, f"SOURCE_{noun}")) and last != "create":
                return list(getattr(self._names, f"{noun.lower()}s")())
        return self._names.images() if kind.startswith("IMAGE") else []


# The states of containers that a command has something to do with.
_STATES = {
    **dict.fromkeys(("attach", "exec", "kill", "pause", "stop", "top"), "running"),
    "start": "stopped",
    "unpause": "paused",
}
_NAMED = {
    "--network": "networks",
    "--net": "networks",
    "--volumes-from": "containers",
    "--link": "containers",
    "--volume": "volumes",
}
_FILES = frozenset(
    (
        *("--cidfile", "--config", "--env-file", "--file", "--iidfile", "--input", "--label-file", "--metadata-file"),
        *("--output", "--volume", "--webhook-secret"),
    )
)
_SIGNALS = ("SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGTERM", "SIGUSR1", "SIGUSR2")
_VALUES: dict[str, Sequence[str]] = {
    "--format": ("json", "table"),
    "--pull": ("always", "missing", "never"),
    "--restart": ("always", "no", "on-failure", "unless-stopped"),
    "--signal": _SIGNALS,
    "--stop-signal": _SIGNALS,
    "--log-driver": ("json-file", "local", "none"),
    "--type": ("container", "image", "network", "volume"),
    "--pid": ("host",),
    "--ipc": ("host", "none", "private", "shareable"),
    "--uts": ("host",),
    "--userns": ("host",),
    "--cgroupns": ("host", "private"),
    "--attach": ("stderr", "stdin", "stdout"),
    "--driver": ("bridge", "local"),
}

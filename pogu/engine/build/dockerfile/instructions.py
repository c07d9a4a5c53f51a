"""The instructions of a Dockerfile, as they are written: variables unexpanded, quotes in place."""

from __future__ import annotations

import msgspec


class Heredoc(msgspec.Struct, frozen=True, kw_only=True):
    """Text that follows an instruction, up to a line with its name."""

    name: str
    """The word after `<<`, without its quotes."""
    content: str
    """The lines between, each with its end of line; leading tabs as they are (see `text`)."""
    expand: bool = True
    """False where the word was quoted: variables stay as they are. A shell that gets the text decides for itself."""
    chomp: bool = False
    """`<<-`: leading tabs go."""

    @property
    def text(self) -> str:
        """The content, without leading tabs where `<<-` asks for that."""
        if not self.chomp:
            return self.content
        return "".join(line.lstrip("\t") for line in self.content.splitlines(keepends=True))


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """What all instructions have."""

    keyword: str
    """As written: `COPY`, `copy`."""
    text: str
    """The instruction as a person reads it: one line, continuation lines joined, no comments, no heredoc bodies."""
    first_line: int
    last_line: int
    """Lines of the file, counted from 1; heredocs are part of their instruction."""
    comments: tuple[str, ...] = ()
    """The comment lines right before it, without `#`."""
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def name(self) -> str:
        """The keyword in capital letters."""
        return self.keyword.upper()


class CommandLine(msgspec.Struct, frozen=True):
    """A command in shell form (one word, to be given to the shell; none if it is empty) or in exec form."""

    words: tuple[str, ...]
    shell: bool


class Pair(msgspec.Struct, frozen=True):
    """One of ENV or LABEL. `legacy`: written `KEY value`."""

    name: str
    value: str
    legacy: bool = False


class Argument(msgspec.Struct, frozen=True):
    """One of ARG. No default is not the same as an empty one."""

    name: str
    default: str | None = None


class From(Instruction, frozen=True, kw_only=True):
    base: str
    stage: str = ""
    """Name of the stage in small letters, empty if it has none."""
    stage_text: str = ""
    """The name as written."""
    as_keyword: str = ""
    """`AS` as written."""
    platform: str = ""


class Arg(Instruction, frozen=True, kw_only=True):
    arguments: tuple[Argument, ...]


class Run(Instruction, frozen=True, kw_only=True):
    command: CommandLine
    mounts: tuple[str, ...] = ()
    """Values of `--mount`; `mounts.parse_mount` reads them once variables are known."""
    network: str = "default"
    """`default`, `none` or `host`."""
    security: str = "sandbox"
    """`sandbox` or `insecure`."""
    devices: tuple[str, ...] = ()
    """Values of `--device`."""
    script: Heredoc | None = None
    """The heredoc that is the whole command (`RUN <<EOF`): its text is the script for the shell, or for the program
    that its first line names after `#!`."""

    @property
    def shell_text(self) -> str:
        """What the shell gets in shell form when the command is more than one heredoc: the line, then the heredocs."""
        bodies = "".join(f"{heredoc.content}{heredoc.name}\n" for heredoc in self.heredocs)
        return " ".join(self.command.words) + (f"\n{bodies}" if bodies else "")


class Cmd(Instruction, frozen=True, kw_only=True):
    command: CommandLine


class Entrypoint(Instruction, frozen=True, kw_only=True):
    command: CommandLine


class Env(Instruction, frozen=True, kw_only=True):
    pairs: tuple[Pair, ...]


class Label(Instruction, frozen=True, kw_only=True):
    pairs: tuple[Pair, ...]


class Expose(Instruction, frozen=True, kw_only=True):
    ports: tuple[str, ...]
    """Sorted; each may become several words when expanded. `ports.parse_ports` reads them then."""


class Transfer(Instruction, frozen=True, kw_only=True):
    """What ADD and COPY share."""

    sources: tuple[str, ...]
    """Paths (and URLs of ADD); heredocs among the sources are in `contents`."""
    contents: tuple[Heredoc, ...] = ()
    """Files written in the Dockerfile itself; their name is the file's."""
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    excludes: tuple[str, ...] = ()


class Add(Transfer, frozen=True, kw_only=True):
    checksum: str = ""
    keep_git_dir: bool | None = None
    """None: not said."""
    unpack: bool | None = None
    """None: not said (local archives are unpacked, those of URLs are not)."""


class Copy(Transfer, frozen=True, kw_only=True):
    from_: str = ""
    """Stage, image or named context; empty: the build's context."""
    parents: bool = False


class User(Instruction, frozen=True, kw_only=True):
    user: str


class Workdir(Instruction, frozen=True, kw_only=True):
    path: str


class Volume(Instruction, frozen=True, kw_only=True):
    paths: tuple[str, ...]


class Stopsignal(Instruction, frozen=True, kw_only=True):
    signal: str


class Shell(Instruction, frozen=True, kw_only=True):
    words: tuple[str, ...]


class Healthcheck(Instruction, frozen=True, kw_only=True):
    test: tuple[str, ...]
    """`NONE`, or `CMD` and words, or `CMD-SHELL` and a line."""
    interval: int = 0
    """Nanoseconds, as all of these; 0: not said."""
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class Onbuild(Instruction, frozen=True, kw_only=True):
    trigger: str
    """The instruction for later, heredocs and all; `parse_instruction` reads it."""


class Maintainer(Instruction, frozen=True, kw_only=True):
    maintainer: str


class Directives(msgspec.Struct, frozen=True, kw_only=True):
    """What the comments at the top of the file say to whoever reads it."""

    syntax: str = ""
    """The front end's image, empty if none is named."""
    escape: str = "\\"
    check: str = ""
    """`skip=…;error=…`, as written."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A FROM and what follows it."""

    start: From
    instructions: tuple[Instruction, ...]
    """Without FROM itself."""

    @property
    def name(self) -> str:
        return self.start.stage

    @property
    def base(self) -> str:
        return self.start.base

    @property
    def platform(self) -> str:
        return self.start.platform

    @property
    def line(self) -> int:
        return self.start.first_line


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something odd that was seen while reading, before instructions have a meaning."""

    message: str
    line: int


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file."""

    directives: Directives
    arguments: tuple[Arg, ...]
    """ARGs before the first FROM."""
    stages: tuple[Stage, ...]
    """At least one."""
    empty_continuations: tuple[Remark, ...] = ()
    """Empty lines inside of instructions."""
    text: str = ""
    """The file itself, for showing lines of it in errors."""

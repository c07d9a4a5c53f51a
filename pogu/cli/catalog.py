"""Every command there is: where it lives and its one line of help, so that help needs no imports.

A target is `module:attribute`; commands of the daemon live in its own room. A dot in a name makes a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Entry(NamedTuple):
    """One command: where to import it from, and what it does in a line."""

    target: str
    help: str


_C = "pogu.cli.commands"

ROOT: dict[str, Entry] = {
    "up": Entry("pogu.daemon.commands:up", "Start the daemon"),
    "down": Entry("pogu.daemon.commands:down", "Stop the daemon; containers go on running unless told otherwise"),
    "run": Entry(f"{_C}.run:run", "Create and run a new container from an image"),
    "exec": Entry(f"{_C}.exec:exec_", "Execute a command in a running container"),
    "ps": Entry(f"{_C}.ps:ps", "List containers"),
    "images": Entry(f"{_C}.images:images", "List images"),
    "version": Entry(f"{_C}.version:version", "Show the version information"),
    "info": Entry(f"{_C}.info:info", "Display system-wide information"),
    "attach": Entry(f"{_C}.attach:attach", "Attach to the input, output and error streams of a running container"),
    "commit": Entry(f"{_C}.files:commit", "Create a new image from a container's changes"),
    "cp": Entry(f"{_C}.copy:cp", "Copy files and folders between a container and this machine"),
    "create": Entry(f"{_C}.run:create", "Create a new container"),
    "diff": Entry(f"{_C}.files:diff", "Inspect changes to a container's file system"),
    "events": Entry(f"{_C}.events:events", "Get real time events from the server"),
    "completion": Entry(f"{_C}.completion:completion", "Print the completion script for a shell"),
    "explain": Entry(f"{_C}.explain:explain", "Say why a container is as it is, and what to try"),
    "export": Entry(f"{_C}.files:export", "Export a container's file system as a tar archive"),
    "history": Entry(f"{_C}.images:history", "Show the history of an image"),
    "import": Entry(f"{_C}.image_files:import_", "Import the contents of a tarball to create an image"),
    "inspect": Entry(f"{_C}.inspect:inspect", "Return low-level information on objects"),
    "kill": Entry(f"{_C}.lifecycle:kill", "Kill one or more running containers"),
    "load": Entry(f"{_C}.image_files:load", "Load an image from a tar archive or standard input"),
    "login": Entry(f"{_C}.registries:login", "Authenticate to a registry"),
    "logout": Entry(f"{_C}.registries:logout", "Log out from a registry"),
    "logs": Entry(f"{_C}.logs:logs", "Fetch the logs of a container"),
    "pause": Entry(f"{_C}.lifecycle:pause", "Pause all processes within one or more containers"),
    "port": Entry(f"{_C}.containers:port", "List the ports of a container that are published"),
    "pull": Entry(f"{_C}.registries:pull", "Download an image from a registry"),
    "push": Entry(f"{_C}.registries:push", "Upload an image to a registry"),
    "rename": Entry(f"{_C}.containers:rename", "Rename a container"),
    "restart": Entry(f"{_C}.lifecycle:restart", "Restart one or more containers"),
    "rm": Entry(f"{_C}.lifecycle:rm", "Remove one or more containers"),
    "rmi": Entry(f"{_C}.images:rmi", "Remove one or more images"),
    "save": Entry(f"{_C}.image_files:save", "Save one or more images to a tar archive"),
    "search": Entry(f"{_C}.registries:search", "Search a registry for images"),
    "start": Entry(f"{_C}.attach:start", "Start one or more stopped containers"),
    "stats": Entry(f"{_C}.stats:stats", "Display a live stream of containers' use of resources"),
    "stop": Entry(f"{_C}.lifecycle:stop", "Stop one or more running containers"),
    "tag": Entry(f"{_C}.images:tag", "Create a tag that refers to an image"),
    "top": Entry(f"{_C}.containers:top", "Display the running processes of a container"),
    "unpause": Entry(f"{_C}.lifecycle:unpause", "Unpause all processes within one or more containers"),
    "update": Entry(f"{_C}.update:update", "Update the configuration of one or more containers"),
    "wait": Entry(f"{_C}.containers:wait", "Block until containers stop, then print their exit codes"),
    "build": Entry(f"{_C}.build:build", "Build an image from a Dockerfile"),
}

GROUPS: dict[str, tuple[str, dict[str, Entry]]] = {
    "container": (
        "Manage containers",
        {
            **{
                name: ROOT[name]
                for name in (
                    "attach commit cp create diff exec export kill logs pause port rename restart rm run start stats "
                    "stop top unpause update wait"
                ).split()
            },
            "inspect": Entry(f"{_C}.inspect:inspect_container", "Display detailed information on containers"),
            "ls": Entry(f"{_C}.ps:ps", "List containers"),
            "prune": Entry(f"{_C}.prune:prune_containers", "Remove all stopped containers"),
        },
    ),
    "image": (
        "Manage images",
        {
            **{name: ROOT[name] for name in ("build", "history", "import", "load", "pull", "push", "save", "tag")},
            "bootstrap": Entry(
                f"{_C}.bootstrap:bootstrap", "Make a base image from Debian packages, without a registry"
            ),
            "copy": Entry(f"{_C}.remote_images:copy", "Copy an image from one registry to another, without a daemon"),
            "tags": Entry(f"{_C}.remote_images:tags", "List the tags of a repository in its registry"),
            "inspect": Entry(f"{_C}.inspect:inspect_image", "Display detailed information on images"),
            "ls": Entry(f"{_C}.images:images", "List images"),
            "prune": Entry(f"{_C}.prune:prune_images", "Remove unused images"),
            "rm": Entry(f"{_C}.images:rmi", "Remove one or more images"),
        },
    ),
    "builder": (
        "Manage builds",
        {
            "build": ROOT["build"],
            "prune": Entry(f"{_C}.prune:prune_builder", "Remove build cache"),
        },
    ),
    "context": (
        "Manage contexts",
        {
            "create": Entry(f"{_C}.contexts:create", "Create a context"),
            "export": Entry(f"{_C}.context_files:export", "Export a context to a tar archive, or to standard output"),
            "import": Entry(f"{_C}.context_files:import_", "Import a context from a tar or zip file"),
            "inspect": Entry(f"{_C}.contexts:inspect", "Display detailed information on contexts"),
            "ls": Entry(f"{_C}.contexts:list_", "List contexts"),
            "rm": Entry(f"{_C}.contexts:remove", "Remove one or more contexts"),
            "show": Entry(f"{_C}.contexts:show", "Print the name of the context in force"),
            "update": Entry(f"{_C}.contexts:update", "Update a context"),
            "use": Entry(f"{_C}.contexts:use", "Set the context in force"),
        },
    ),
    "network": (
        "Manage networks",
        {
            "connect": Entry(f"{_C}.networks:connect_", "Connect a container to a network"),
            "create": Entry(f"{_C}.networks:create", "Create a network"),
            "disconnect": Entry(f"{_C}.networks:disconnect", "Disconnect a container from a network"),
            "inspect": Entry(f"{_C}.inspect:inspect_network", "Display detailed information on networks"),
            "ls": Entry(f"{_C}.networks:list_", "List networks"),
            "prune": Entry(f"{_C}.prune:prune_networks", "Remove all unused networks"),
            "rm": Entry(f"{_C}.networks:remove", "Remove one or more networks"),
        },
    ),
    "volume": (
        "Manage volumes",
        {
            "create": Entry(f"{_C}.volumes:create", "Create a volume"),
            "inspect": Entry(f"{_C}.inspect:inspect_volume", "Display detailed information on volumes"),
            "ls": Entry(f"{_C}.volumes:list_", "List volumes"),
            "prune": Entry(f"{_C}.prune:prune_volumes", "Remove unused local volumes"),
            "rm": Entry(f"{_C}.volumes:remove", "Remove one or more volumes"),
        },
    ),
    "registry": (
        "Serve a registry for images and artifacts",
        {
            "collect": Entry(f"{_C}.registry:collect", "Apply retention rules and free unused space once"),
            "image": Entry(f"{_C}.registry_image:image", "Make a container image that serves a registry"),
            "serve": Entry(f"{_C}.registry:serve", "Serve a registry"),
        },
    ),
    "system": (
        "Manage Pogu",
        {
            "check": Entry("pogu.daemon.commands:check", "Say what this host lacks, and how to get it"),
            "df": Entry(f"{_C}.df:df", "Show disk usage"),
            "events": ROOT["events"],
            "info": ROOT["info"],
            "prune": Entry(f"{_C}.prune:prune_system", "Remove unused data"),
            "verify": Entry(f"{_C}.verify:verify", "Compare the records with the disk and the kernel"),
        },
    ),
    "debug": (
        "Find out what is wrong",
        {
            "dump": Entry(
                f"{_C}.dump:dump", "Write an archive for a bug report: version, settings, state, log; no secrets"
            )
        },
    ),
}

# Other names of commands in a group.
ALIASES: dict[str, dict[str, str]] = {
    "container": {"ps": "ls", "list": "ls", "remove": "rm"},
    "image": {"list": "ls", "remove": "rm"},
    "network": {"list": "ls", "remove": "rm"},
    "volume": {"list": "ls", "remove": "rm"},
    "context": {"list": "ls", "remove": "rm"},
}

# What the completion scripts call; it is in no list.
COMPLETE = Entry(f"{_C}.completion:complete", "Answer the completion scripts")

# What other programs call; it is in no list either.
HIDDEN: dict[tuple[str, ...], Entry] = {
    ("system", "dial-stdio"): Entry(f"{_C}.dial:dial_stdio", "Proxy the stdio stream to the daemon connection"),
}

# What docker has not.
OWN: frozenset[str] = frozenset(
    (
        *(
            "up",
            "down",
            "completion",
            "explain",
            "image bootstrap",
            "image copy",
            "image tags",
            "registry collect",
            "registry image",
            "registry serve",
        ),
        *("system check", "system verify", "debug dump"),
    )
)

# Docker's own commands for what is not here.
ABSENT: dict[str, str] = {
    **dict.fromkeys(("swarm", "node", "service", "stack", "config", "secret"), "runs containers on one machine"),
    "plugin": "has no plugins",
    "trust": "has no content trust",
    "manifest": "has no manifest lists of its own; image copy keeps those of a registry",
    "checkpoint": "cannot checkpoint containers",
    "buildx": "builds with pogu build",
    "compose": "has no compose; docker-compose works with it",
}

COMMON: Sequence[str] = "up down run exec ps build pull push images login logout search version info".split()

GLOBAL_OPTIONS = (
    ("    --config string", "Folder of the client's settings (default ~/.docker, or DOCKER_CONFIG)"),
    ("-c, --context string", "Name of the context to connect to (overrides POGU_HOST and DOCKER_HOST)"),
    ("-D, --debug", "Show tracebacks of unexpected errors"),
    ("-H, --host string", "Daemon to connect to: unix://, tcp://, ssh:// (or POGU_HOST, DOCKER_HOST)"),
    ("-l, --log-level string", "Set the logging level (debug, info, warn, error, fatal)"),
    ("    --tls", "Use TLS; implied by --tlsverify"),
    ("    --tlscacert string", "Trust certificates signed only by this CA"),
    ("    --tlscert string", "Path to TLS certificate file"),
    ("    --tlskey string", "Path to TLS key file"),
    ("    --tlsverify", "Use TLS and verify the remote"),
    ("-v, --version", "Print version information and quit"),
)


def entries() -> Iterator[Entry]:
    """Return every command, once for each of its names."""
    yield from ROOT.values()
    for _, commands in GROUPS.values():
        yield from commands.values()


def find(words: Sequence[str]) -> tuple[str, Entry, int] | None:
    """Return the full name of the command that `words` begin with, its entry and how many words it took."""
    if words and words[0] in GROUPS:
        group = words[0]
        if len(words) > 1 and (entry := GROUPS[group][1].get(name := real_name(group, words[1]))):
            return f"{group} {name}", entry, 2
        hidden = HIDDEN.get(tuple(words[:2]))
        return (" ".join(words[:2]), hidden, 2) if hidden else None
    entry = ROOT.get(words[0]) if words else None
    return (words[0], entry, 1) if entry else None


def real_name(group: str, name: str) -> str:
    """Return the name of a group's command that `name` is another name of."""
    return ALIASES.get(group, {}).get(name, name)


def names_of(target: str) -> list[str]:
    """Return all names of the command at `target`, as `docker --help` lists them: groups first."""
    found = []
    for group, (_, commands) in GROUPS.items():
        for name, entry in commands.items():
            if entry.target == target:
                others = [alias for alias, real in ALIASES.get(group, {}).items() if real == name]
                found += [f"{group} {each}" for each in (name, *others)]
    return found + [name for name, entry in ROOT.items() if entry.target == target]


def root_help() -> str:
    """Return the help of the command itself."""
    lines = ["Usage:  pogu [OPTIONS] COMMAND", "", "The whole container stack in one program", "", "Common Commands:"]
    width = max(map(len, (*ROOT, *GROUPS))) + 1
    lines += [f"  {name:<{width}} {ROOT[name].help}" for name in COMMON]
    lines += ["", "Management Commands:"]
    lines += [f"  {name:<{width}} {text}" for name, (text, _) in sorted(GROUPS.items())]
    lines += ["", "Commands:"]
    lines += [f"  {name:<{width}} {entry.help}" for name, entry in sorted(ROOT.items()) if name not in COMMON]
    lines += ["", "Global Options:"]
    lines += [f"  {flags:<22} {text}" for flags, text in GLOBAL_OPTIONS]
    return "\n".join([*lines, "", "Run 'pogu COMMAND --help' for more information on a command."])


def group_help(name: str) -> str:
    """Return the help of a group of commands."""
    text, commands = GROUPS[name]
    width = max(map(len, commands)) + 1
    lines = [f"Usage:  pogu {name} COMMAND", "", text, "", "Commands:"]
    lines += [f"  {command:<{width}} {entry.help}" for command, entry in sorted(commands.items())]
    return "\n".join([*lines, "", f"Run 'pogu {name} COMMAND --help' for more information on a command."])

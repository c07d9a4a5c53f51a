"""Every command there is: where it lives and its one line of help, so that help needs no imports.

A target is `module:attribute`; commands of the daemon live in its own room. A dot in a name makes a group.
"""

from __future__ import annotations

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
    "version": Entry(f"{_C}.system:version", "Show the version information"),
    "info": Entry(f"{_C}.system:info", "Display system-wide information"),
    "attach": Entry(f"{_C}.attach:attach", "Attach to the input, output and error streams of a running container"),
    "commit": Entry(f"{_C}.files:commit", "Create a new image from a container's changes"),
    "cp": Entry(f"{_C}.copy:cp", "Copy files and folders between a container and this machine"),
    "create": Entry(f"{_C}.run:create", "Create a new container"),
    "diff": Entry(f"{_C}.files:diff", "Inspect changes to a container's file system"),
    "events": Entry(f"{_C}.system:events", "Get real time events from the server"),
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
            **{name: ROOT[name] for name in ("history", "import", "load", "pull", "push", "save", "tag")},
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

COMMON = ("up", "down", "run", "exec", "ps", "images", "version", "info")

GLOBAL_OPTIONS = (
    ("-D, --debug", "Show tracebacks of unexpected errors"),
    ("-H, --host string", "Daemon to connect to: unix://, tcp:// (or POGU_HOST)"),
    ("    --tls", "Use TLS; implied by --tlsverify"),
    ("    --tlscacert string", "Trust certificates signed only by this CA"),
    ("    --tlscert string", "Path to TLS certificate file"),
    ("    --tlskey string", "Path to TLS key file"),
    ("    --tlsverify", "Use TLS and verify the remote"),
    ("-v, --version", "Print version information and quit"),
)


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

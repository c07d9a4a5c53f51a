"""The flags of `pogu build`: docker's, the classic builder's and BuildKit's, and our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pogu.cli.pflag import many, switch, value

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS: list[_Decorator] = [
    many("--add-host", help='Add a custom host-to-IP mapping ("host:ip")'),
    many("--build-arg", help="Set build-time variables; one that is only named takes its value from the environment"),
    many("--build-context", metavar="stringArray", help="Additional build contexts (e.g., name=path)"),
    many("--cache-from", metavar="strings", help="Images to consider as cache sources"),
    many("--cache-to", metavar="stringArray", help='Cache export destinations (e.g., "type=inline")'),
    value("--cgroup-parent", help='Set the parent cgroup for the "RUN" instructions during build'),
    switch("--check", help="Only check the Dockerfile for likely mistakes"),
    switch("--compress", help="Compress the build context using gzip"),
    value("--cpu-period", type=int, help="Limit the CPU CFS (Completely Fair Scheduler) period"),
    value("--cpu-quota", type=int, help="Limit the CPU CFS (Completely Fair Scheduler) quota"),
    value("-c", "--cpu-shares", type=int, help="CPU shares (relative weight)"),
    value("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1)"),
    value("--cpuset-mems", help="MEMs in which to allow execution (0-3, 0,1)"),
    switch("--disable-content-trust", default=True, help="Skip image verification", hidden=True),
    value("-f", "--file", help='Name of the Dockerfile (Default is "PATH/Dockerfile")'),
    switch("--force-rm", help="Always remove intermediate containers"),
    value("--iidfile", help="Write the image ID to the file"),
    value("--interval", metavar="duration", help="How often --watch-git looks for a new commit (default 30s)"),
    value("--isolation", help="Container isolation technology"),
    many("--label", help="Set metadata for an image"),
    value("-m", "--memory", metavar="bytes", help="Memory limit"),
    value("--memory-swap", metavar="bytes", help="Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
    value("--metadata-file", help="Write build result metadata to a file"),
    value("--network", help='Set the networking mode for the "RUN" instructions during build (default "default")'),
    switch("--no-cache", help="Do not use cache when building the image"),
    many("--no-cache-filter", metavar="stringArray", help="Do not cache specified stages"),
    many("-o", "--output", metavar="stringArray", help='Output destination (format: "type=local,dest=path")'),
    value("--platform", help="Set platform if server is multi-platform capable"),
    value(
        "--progress",
        choices=("auto", "plain", "tty", "rawjson", "quiet"),
        help="Type of progress output: auto, plain, tty, rawjson, quiet",
    ),
    value("--provenance", help="Attach a provenance attestation to what is exported"),
    switch("--pull", help="Always attempt to pull a newer version of the image"),
    switch("--push", help="Push the image's tags when it is built"),
    switch("-q", "--quiet", help="Suppress the build output and print image ID on success"),
    switch("--rm", default=True, help="Remove intermediate containers after a successful build"),
    many(
        "--secret",
        metavar="stringArray",
        help='Secret to expose to the build (format: "id=mysecret,src=/local/secret")',
    ),
    many("--security-opt", metavar="strings", help="Security options"),
    value("--shm-size", metavar="bytes", help='Size of "/dev/shm"'),
    switch("--squash", help="Squash newly built layers into a single new layer"),
    many(
        "--ssh",
        metavar="stringArray",
        help='SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>]")',
    ),
    many("-t", "--tag", help='Name and optionally a tag in the "name:tag" format'),
    value("--target", help="Set the target build stage to build"),
    many("--ulimit", help="Ulimit options"),
    value("--watch-git", metavar="URL[#REF]", help="Build, and build again whenever the repository has a new commit"),
    value(
        "--webhook",
        metavar="ADDRESS",
        help="With --watch-git: listen there for a forge's notice of a push ([HOST]:PORT)",
    ),
    value("--webhook-secret", metavar="file", help="File with the secret that signs such notices"),
]


def build_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of a build."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function

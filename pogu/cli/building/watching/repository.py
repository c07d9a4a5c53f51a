"""A git repository as a build's source: `URL[#REF[:DIRECTORY]]`, read by this side's git, with its user's keys."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pogu.cli.invoke import Failed


class GitFailed(Exception):
    """git could not do it; it may later."""


@dataclass(frozen=True)
class Repository:
    """Where the sources are. An empty `ref` is the repository's own branch."""

    url: str
    ref: str = ""
    directory: str = ""

    def __str__(self) -> str:
        return f"{self.url}#{self.ref}" if self.ref else self.url

    def commit(self) -> str:
        """Return the commit that the branch or tag stands for now. Raises GitFailed."""
        wanted = [self.ref, f"{self.ref}^{{}}"] if self.ref else ["HEAD"]
        lines = [line.split("\t") for line in _git("ls-remote", "--", self.url, *wanted).splitlines() if "\t" in line]
        if not lines:
            raise GitFailed(f"{self.url} has no {self.ref or 'HEAD'}")
        peeled = [line[0] for line in lines if line[1].endswith("^{}")]  # the commit of an annotated tag
        heads = [line[0] for line in lines if line[1] == f"refs/heads/{self.ref}"]
        return (peeled or heads or [line[0] for line in lines])[0]

    def check_out(self, commit: str, target: Path) -> Path:
        """Bring the files of a commit to the empty directory `target`, and return where the wanted ones are.

        Raises:
            GitFailed: they cannot be had, or there is no such directory.
        """
        inside = ("-C", str(target))
        _git("init", "-q", str(target))
        _git(*inside, "remote", "add", "origin", self.url)
        try:
            _git(*inside, "fetch", "-q", "--depth=1", "--no-tags", "origin", commit)
        except GitFailed:  # a server that gives no single commits
            _git(*inside, "fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
        _git(*inside, "-c", "advice.detachedHead=false", "checkout", "-q", commit)
        _git(*inside, "submodule", "update", "-q", "--init", "--recursive", "--depth=1")
        wanted = (target / self.directory).resolve()
        if not wanted.is_relative_to(target.resolve()) or not wanted.is_dir():
            raise GitFailed(f"{self.directory}: no such directory in {self.url}")
        return wanted


def parse_repository(text: str) -> Repository:
    """Return the repository of `URL[#REF[:DIRECTORY]]`. Raises Failed."""
    url, _, fragment = text.partition("#")
    ref, _, directory = fragment.partition(":")
    url = f"https://{url}" if url.startswith("github.com/") else url
    if not url or url.startswith("-") or ref.startswith("-"):
        raise Failed(f"--watch-git: {text!r} names no repository")
    return Repository(url, ref, directory)


def _git(*words: str) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed("--watch-git needs git, which is not installed") from None
    if done.returncode:
        raise GitFailed(done.stderr.strip() or f"git {words[0]} failed")
    return done.stdout

"""Image references: `[domain[:port]/]path[:tag][@digest]`, as the docker command and registries read them.

The grammar is that of distribution/reference; familiar names (`debian`) stand for names on docker.io
(`docker.io/library/debian`). A reference always has its full name here; `familiar` gives what people are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pogu.engine.images.digests import check_digest, is_digest
from pogu.errors import InvalidArgument

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
_LONGEST_PATH = 255
_LONGEST = 4096  # more than any valid reference: keeps the regular expressions from being fed megabytes

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_PATH = rf"{_PATH_PART}(?:/{_PATH_PART})*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"(?:({_DOMAIN})/)?({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?", re.ASCII)
_WHOLE_TAG = re.compile(_TAG, re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A name with its domain, and a tag, a digest, both or neither (empty strings).

    The domain is empty where the first part of the name looks like one but is only a path (`a_b.c/d`).
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The full name of the repository, without tag and digest."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def familiar_name(self) -> str:
        """The repository as people are shown it: without docker.io and library/."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        rest = self.path.removeprefix(_OFFICIAL)
        return rest if "/" not in rest else self.path

    @property
    def familiar(self) -> str:
        """The reference as people are shown it."""
        return self.familiar_name + self._suffix()

    def __str__(self) -> str:
        return self.name + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def tagged(self) -> Reference:
        """The reference with the tag `latest` where it has neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def key(self) -> Reference:
        """What this reference is stored and found under: a digest takes precedence over a tag beside it."""
        return replace(self, tag="") if self.digest else self.tagged()

    def with_tag(self, tag: str) -> Reference:
        """The reference with another tag; raises InvalidArgument where it is none."""
        if not _WHOLE_TAG.fullmatch(tag):
            raise InvalidArgument("invalid tag format")
        return replace(self, tag=tag)


def parse_reference(text: str) -> Reference:
    """Return the reference that a familiar or full name stands for.

    Raises:
        InvalidArgument: it is none; the text says why as Docker does.
    """
    if _IDENTIFIER.fullmatch(text):
        raise InvalidArgument(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    if len(text) > _LONGEST:
        raise InvalidArgument("invalid reference format")
    domain, rest = _split_domain(text)
    remote = rest.partition(":")[0]
    if remote.lower() != remote:
        raise InvalidArgument(f"invalid reference format: repository name ({remote}) must be lowercase")
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise InvalidArgument("invalid reference format")
    if len(match[2]) > _LONGEST_PATH:
        raise InvalidArgument(f"repository name must not be more than {_LONGEST_PATH} characters")
    digest = check_digest(match[4]) if match[4] else ""
    return Reference(match[1] or "", match[2], match[3] or "", digest)


def parse_name_or_digest(text: str) -> Reference | str:
    """Return a reference, or the digest `sha256:…` where the text is a whole image ID with or without its prefix."""
    if _IDENTIFIER.fullmatch(text):
        return f"sha256:{text}"
    return text if is_digest(text) else parse_reference(text)


def parse_repo_tag(repo: str, tag: str) -> Reference:
    """Return the reference to give an image, from the API's separate `repo` and `tag` (`latest` if there is none).

    Raises:
        InvalidArgument: either is malformed, or `repo` has a digest (a digest is computed, not given).
    """
    reference = parse_reference(repo)
    if reference.digest:
        raise InvalidArgument("refusing to create a tag with a digest reference")
    if reference.familiar_name == "sha256":
        raise InvalidArgument("refusing to create an ambiguous tag using digest algorithm as name")
    return reference.with_tag(tag) if tag else reference.tagged()


def _split_domain(name: str) -> tuple[str, str]:
    """Cut a name into domain and the rest, by the rules that tell a domain from a first path component."""
    first, slash, rest = name.partition("/")
    if not slash:
        return DEFAULT_DOMAIN, _OFFICIAL + name
    if first == _LEGACY_DOMAIN:
        first = DEFAULT_DOMAIN
    if not (first == "localhost" or "." in first or ":" in first or first.lower() != first):
        first, rest = DEFAULT_DOMAIN, name
    if first == DEFAULT_DOMAIN and "/" not in rest:
        rest = _OFFICIAL + rest
    return first, rest

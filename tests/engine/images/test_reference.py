"""References are read as docker and registries read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.images.reference import (
    Reference,
    parse_name_or_digest,
    parse_reference,
    parse_repo_tag,
)
from pogu.errors import InvalidArgument

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("debian", "docker.io/library/debian", "debian"),
        ("debian:bookworm", "docker.io/library/debian:bookworm", "debian:bookworm"),
        ("library/debian", "docker.io/library/debian", "debian"),
        ("docker.io/debian", "docker.io/library/debian", "debian"),
        ("index.docker.io/debian", "docker.io/library/debian", "debian"),
        ("index.docker.io/library/debian:x", "docker.io/library/debian:x", "debian:x"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("registry.example.com/a/b/c", "registry.example.com/a/b/c", "registry.example.com/a/b/c"),
        ("registry:5000/x", "registry:5000/x", "registry:5000/x"),
        ("REGISTRY/x", "REGISTRY/x", "REGISTRY/x"),
        ("127.0.0.1:80/x", "127.0.0.1:80/x", "127.0.0.1:80/x"),
        ("[2001:db8::1]:5000/repo:t", "[2001:db8::1]:5000/repo:t", "[2001:db8::1]:5000/repo:t"),
        ("a_b.c/d", "a_b.c/d", "a_b.c/d"),
        ("foo__bar/x--y", "docker.io/foo__bar/x--y", "foo__bar/x--y"),
        (f"debian@{DIGEST}", f"docker.io/library/debian@{DIGEST}", f"debian@{DIGEST}"),
        (f"debian:a@{DIGEST}", f"docker.io/library/debian:a@{DIGEST}", f"debian:a@{DIGEST}"),
        ("x:" + "t" * 128, "docker.io/library/x:" + "t" * 128, "x:" + "t" * 128),
        ("x:_1.2-A", "docker.io/library/x:_1.2-A", "x:_1.2-A"),
        ("xn--n3h.com/app", "xn--n3h.com/app", "xn--n3h.com/app"),
    ],
)
def test_names_have_one_full_and_one_familiar_form(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert (str(reference), reference.familiar) == (full, familiar)
    assert parse_reference(str(reference)) == reference
    assert parse_reference(familiar) == reference


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        ("Debian", "invalid reference format: repository name (library/Debian) must be lowercase"),
        ("docker.io/User/app:x", "invalid reference format: repository name (User/app) must be lowercase"),
        ("a//b", "invalid reference format"),
        ("-x", "invalid reference format"),
        ("x:", "invalid reference format"),
        ("x:.t", "invalid reference format"),
        ("x:" + "t" * 129, "invalid reference format"),
        ("x y", "invalid reference format"),
        ("x\n", "invalid reference format"),
        ("a___b/c", "invalid reference format"),
        ("x@sha256:1234", "invalid reference format"),
        (f"x@sha256:{HEX[:40]}", "invalid checksum digest length"),
        (f"x@sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"x@md5:{HEX[:32]}", "unsupported digest algorithm"),
        (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
        ("l/" + "a" * 256, "repository name must not be more than 255 characters"),
        ("a" * 5000, "invalid reference format"),
        ("ü", "invalid reference format"),
        ("https://docker.io/x", "invalid reference format"),
    ],
)
def test_what_is_no_reference_is_refused_with_dockers_words(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_reference(text)
    assert error.value.message == why


def test_a_whole_id_or_digest_is_not_a_name() -> None:
    assert parse_name_or_digest(HEX) == DIGEST
    assert parse_name_or_digest(DIGEST) == DIGEST
    assert parse_name_or_digest("sha256:abc") == Reference("docker.io", "library/sha256", "abc")


def test_latest_is_the_tag_of_a_name_without_one() -> None:
    assert parse_reference("x").tagged().familiar == "x:latest"
    assert parse_reference("x:1").tagged().familiar == "x:1"
    assert parse_reference(f"x@{DIGEST}").tagged().familiar == f"x@{DIGEST}"
    assert parse_reference(f"x:1@{DIGEST}").key().familiar == f"x@{DIGEST}"


@pytest.mark.parametrize(
    ("repo", "tag", "name"),
    [("x", "", "x:latest"), ("x", "1", "x:1"), ("x:2", "", "x:2"), ("x:2", "3", "x:3"), ("h:5/x", "", "h:5/x:latest")],
)
def test_repository_and_tag_make_a_name(repo: str, tag: str, name: str) -> None:
    assert parse_repo_tag(repo, tag).familiar == name


@pytest.mark.parametrize(
    ("repo", "tag", "why"),
    [
        (f"x@{DIGEST}", "", "refusing to create a tag with a digest reference"),
        ("sha256", "1", "refusing to create an ambiguous tag using digest algorithm as name"),
        ("x", "a/b", "invalid tag format"),
        ("x", "ä", "invalid tag format"),
        ("x", "1\n", "invalid tag format"),
    ],
)
def test_names_that_images_cannot_get(repo: str, tag: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_repo_tag(repo, tag)
    assert error.value.message == why


@given(st.text(alphabet="abZ09._-/:@[]sha256 \n\u00fc", max_size=80))
def test_every_text_is_a_reference_that_survives_or_an_error(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidArgument:
        return
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference

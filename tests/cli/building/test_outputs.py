"""What `--output` means."""

from __future__ import annotations

import pytest

from pogu.cli.building.outputs import Output, find_output
from pogu.cli.invoke import Failed


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("dir/ectory", Output("local", "dir/ectory")),
        ("-", Output("tar", "-")),
        ("type=local,dest=d", Output("local", "d")),
        ("type=tar,dest=x.tar", Output("tar", "x.tar")),
        ("type=oci", Output("oci", "-")),
        ("type=docker", Output("image")),
        ("type=docker,dest=x", Output("docker", "x")),
        ("type=image,name=a,push=true", Output("image", "", {"name": "a", "push": "true"})),
        ('type=tar,"dest=a,b"', Output("tar", "a,b")),
    ],
)
def test_forms(text: str, output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pogu.cli.building.outputs.is_terminal", lambda _: False)
    assert find_output([text]) == output


def test_none() -> None:
    assert find_output([]) == Output()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["dest=x"], "type is required for output"),
        (["type=local"], "dest is required for local output"),
        (["type=local,dest=-"], "needs dest=PATH"),
        (["type=tar,dest=/"], "destination directory / is not a file"),
        (["a", "b"], "multiple outputs currently unsupported"),
    ],
)
def test_what_cannot_be(given: list[str], message: str) -> None:
    with pytest.raises(Failed, match=message):
        find_output(given)

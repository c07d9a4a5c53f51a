"""What `--secret` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.cli.building.sessions.secrets import read_secret
from pogu.cli.pflag import UsageError


def test_secrets_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key,with comma"
    file.write_bytes(b"from a file\0")
    monkeypatch.setenv("WORD", "from the environment")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named").write_bytes(b"n")
    assert read_secret(f'id=a,"src={file}"') == ("a", b"from a file\0")
    assert read_secret("type=file,id=named") == read_secret("id=named") == ("named", b"n")
    assert read_secret("source=named") == ("named", b"n")
    assert read_secret("id=b,env=WORD") == ("b", b"from the environment")
    assert read_secret("id=WORD") == read_secret("type=env,id=WORD") == ("WORD", b"from the environment")
    assert read_secret("type=env,id=c,src=WORD") == ("c", b"from the environment")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "invalid field 'x' must be a key=value pair"),
        ("id=a,what=b", "unexpected key 'what' in 'what=b'"),
        ("type=vault,id=a", 'unsupported secret type "vault"'),
        ("id=a,src=/nowhere", "failed to stat /nowhere: stat /nowhere: no such file or directory"),
        ("type=file", "secret id is missing"),
    ],
)
def test_what_means_nothing(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_secret(text)
    assert caught.value.message == f'invalid argument "{text}" for "--secret" flag: {reason}'


def test_a_secret_that_is_too_big(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(512001))
    with pytest.raises(UsageError, match="too big"):
        read_secret(f"id=a,src={tmp_path}/big")

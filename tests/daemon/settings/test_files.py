"""TOML and JSON files hold the same keys; what is no option is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.daemon.settings.files import read
from pogu.errors import InvalidArgument


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml = 'debug = true\nroot = "/r"\n[proxies]\nhttp-proxy = "http://p"\n[log-opts]\nmax-size = "1m"\n'
    text = '{"debug": true, "data-root": "/r", "proxies": {"http-proxy": "http://p"}, "log-opts": {"max-size": "1m"}}'
    expected = {"debug": True, "data-root": "/r", "http-proxy": "http://p", "log-opts": {"max-size": "1m"}}
    assert read(_file(tmp_path, "a.toml", toml), required=True) == expected
    assert read(_file(tmp_path, "a.json", text), required=True) == expected


def test_empty_missing_and_marked_files(tmp_path: Path) -> None:
    assert read(_file(tmp_path, "empty.json", " \n"), required=True) == {}
    assert read(tmp_path / "none.json", required=False) == {}
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"debug": true}')
    assert read(tmp_path / "bom.json", required=True) == {"debug": True}
    with pytest.raises(InvalidArgument, match=r"open .*none\.json: no such file or directory"):
        read(tmp_path / "none.json", required=True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"debug": tru}', "invalid JSON"),
        ("a.json", "[]", "must hold a JSON object"),
        ("a.toml", "debug = tru", "unable to configure"),
        ("a.json", '{"dbug": 1, "foo": 2}', "the following directives don't match any configuration option: dbug, foo"),
        ("a.json", '{"proxies": {"ftp-proxy": "x"}}', "don't match any configuration option: ftp-proxy"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as e:
        read(_file(tmp_path, name, text), required=True)
    assert str(tmp_path / name) in e.value.message

"""`~/.docker/config.json` and what else knows who we are."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from pogu.cli.invoke import Failed
from pogu.cli.logins import HUB, Logins, header, server_name, server_of

ANNA = base64.b64encode(b"anna:pw").decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "config"


def _logins(folder: Path, document: object = None) -> Logins:
    if document is not None:
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(document))
    return Logins({"DOCKER_CONFIG": str(folder)})


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("debian", HUB),
        ("team/app:1", HUB),
        ("docker.io/team/app", HUB),
        ("r.example/app", "r.example"),
        ("r.example:5000/app@sha256:0", "r.example:5000"),
        ("localhost/app", "localhost"),
    ],
)
def test_the_server_of_an_image(image: str, server: str) -> None:
    assert server_of(image) == server


@pytest.mark.parametrize(
    ("text", "server"),
    [("https://r.example/v2/", "r.example"), ("r.example:5000", "r.example:5000"), ("docker.io", HUB), (HUB, HUB)],
)
def test_the_name_of_a_server(text: str, server: str) -> None:
    assert server_name(text) == server


def test_a_login_is_kept_and_forgotten(folder: Path) -> None:
    logins = _logins(folder, {"psFormat": "kept"})
    logins.store("r.example", "anna", "pw", "")
    document = json.loads((folder / "config.json").read_text())
    assert document == {"psFormat": "kept", "auths": {"r.example": {"auth": ANNA}}}
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600
    again = _logins(folder)
    assert again.for_image("r.example/x") == {"username": "anna", "password": "pw", "serveraddress": "r.example"}
    again.erase("r.example")
    assert _logins(folder).get("r.example") == {}
    assert json.loads((folder / "config.json").read_text())["psFormat"] == "kept"


def test_a_token_in_place_of_the_password(folder: Path) -> None:
    _logins(folder).store("r.example", "anna", "pw", "token")
    assert (
        "pw"
        not in base64.b64decode(json.loads((folder / "config.json").read_text())["auths"]["r.example"]["auth"]).decode()
    )
    found = _logins(folder).get("r.example")
    assert (found["identitytoken"], found["username"], found["password"]) == ("token", "anna", "")


def test_a_server_under_its_url(folder: Path) -> None:
    found = _logins(folder, {"auths": {"https://r.example/v1/": {"auth": ANNA}}}).get("r.example")
    assert (found["username"], found["password"]) == ("anna", "pw")


def test_nobody(folder: Path) -> None:
    assert _logins(folder).get(HUB) == {}
    assert header({}) == {"X-Registry-Auth": "e30="}


def test_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".dockercfg").write_text(json.dumps({HUB: {"auth": ANNA, "email": "a@example"}}))
    assert Logins({}).get(HUB)["username"] == "anna"
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text("{}")
    assert Logins({}).get(HUB) == {}


def test_a_link_stays_one(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "real.json").write_text("{}")
    (folder / "config.json").symlink_to(tmp_path / "real.json")
    _logins(folder).store("r.example", "anna", "pw", "")
    assert (folder / "config.json").is_symlink()
    assert "r.example" in (tmp_path / "real.json").read_text()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_file(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(text)
    with pytest.raises(Failed, match="error loading config file"):
        _logins(folder)


def test_a_damaged_entry(folder: Path) -> None:
    with pytest.raises(Failed, match="invalid auth configuration file"):
        _logins(folder, {"auths": {"r.example": {"auth": "!"}}}).get("r.example")


HELPER = """#!/bin/sh
# keeps what it is given in files beside it
cd "$(dirname "$0")" || exit 1
case "$1" in
store) cat > kept ;;
get) read -r server; [ -e kept ] || { echo "credentials not found in native keychain"; exit 1; }; cat kept ;;
erase) rm -f kept ;;
esac
"""


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper, `docker-credential-test`, and the file that it keeps things in."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "docker-credential-test"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs / "kept"


@pytest.mark.parametrize("document", [{"credsStore": "test"}, {"credHelpers": {"r.example": "test"}}])
def test_a_helper(folder: Path, helper: Path, document: dict[str, object]) -> None:
    logins = _logins(folder, document)
    assert logins.get("r.example") == {}
    logins.store("r.example", "anna", "pw", "")
    assert not logins.keeps_plainly("r.example")
    assert json.loads(helper.read_text()) == {"ServerURL": "r.example", "Username": "anna", "Secret": "pw"}
    assert json.loads((folder / "config.json").read_text())["auths"] == {"r.example": {}}
    assert logins.get("r.example") == {"username": "anna", "password": "pw", "serveraddress": "r.example"}
    logins.store("r.example", "anna", "pw", "token")
    assert logins.get("r.example") == {"identitytoken": "token", "serveraddress": "r.example"}
    logins.erase("r.example")
    assert not helper.exists()


def test_a_helper_that_is_not_there(folder: Path) -> None:
    with pytest.raises(Failed, match='exec: "docker-credential-nosuch": executable file not found'):
        _logins(folder, {"credsStore": "nosuch"}).get("r.example")


def test_a_helper_that_fails(folder: Path, helper: Path) -> None:
    program = helper.parent / "docker-credential-test"
    program.write_text("#!/bin/sh\necho locked; exit 2\n")
    logins = _logins(folder, {"credsStore": "test"})
    with pytest.raises(Failed, match="exit status 2, out: `locked`"):
        logins.get("r.example")
    program.write_text("#!/bin/sh\necho nonsense\n")
    with pytest.raises(Failed, match="answers with something else"):
        logins.get("r.example")

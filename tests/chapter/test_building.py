"""Sections Dockerfile에서 빌드 and 수정된 Dockerfile 구성: the nginx image and the one on top of it.

Debian is a current one and nginx's version the one that it has; typing errors of the print are in docs/chapter.md.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.running import RunningDaemon, eventually

INDEX = """\
<!DOCTYPE html>
<title>ULSAH index.html file</title>
<p>A simple Docker image, brought to you by ULSAH.</p>
"""
CUSTOM = """\
FROM nginx

# 새 index.html을 문서 루트에 추가하라.
ADD index.html /usr/share/nginx/html/
"""
_ROOT = "root /var/www/html;"  # Debian's package; that of nginx.org, which the print has, serves /usr/share/nginx/html

pytestmark = pytest.mark.timeout(300)  # the image is made first


@pytest.fixture
def ulsah(with_nginx: RunningDaemon, tmp_path: Path) -> tuple[RunningDaemon, str]:
    """The daemon with the image `nginx:ulsah`, and what its build printed."""
    (tmp_path / "Dockerfile").write_text(CUSTOM)
    (tmp_path / "index.html").write_text(INDEX)
    return with_nginx, with_nginx.docker("build", "-t", "nginx:ulsah", tmp_path).out


def _fetched(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


def _answers(port: int) -> bool:
    try:
        return bool(_fetched(port))
    except OSError:
        return False


def test_the_image_says_what_its_dockerfile_does(with_nginx: RunningDaemon) -> None:
    shown = with_nginx.docker("inspect", "-f", "{{.Author}}|{{.Config.Cmd}}|{{.Config.ExposedPorts}}", "nginx").out
    assert shown == 'NGINX Docker Maintainers "docker-maint@nginx.com"|[nginx -g daemon off;]|map[443/tcp:{} 80/tcp:{}]'


def test_requests_and_errors_are_in_the_containers_log(with_nginx: RunningDaemon, port: int) -> None:
    with_nginx.docker("run", "-d", "--name", "logging", "-p", f"{port}:80", "nginx")
    eventually(lambda: _answers(port))
    with_nginx.docker("exec", "logging", "mkdir", "/var/www/html/empty")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/empty/", timeout=10)
    eventually(lambda: '"GET /empty/ HTTP/1.1" 403' in with_nginx.docker("logs", "logging").out)
    eventually(lambda: 'html/empty/" is forbidden' in with_nginx.docker("logs", "logging").err)


def test_the_build_prints_its_steps(ulsah: tuple[RunningDaemon, str]) -> None:
    _, printed = ulsah
    first, second = re.findall(r"^Step (\d/2) : (.*)$", printed, re.MULTILINE)
    assert first == ("1/2", "FROM nginx")
    assert second == ("2/2", "ADD index.html /usr/share/nginx/html/")
    assert re.search(r"^Successfully built [0-9a-f]{12}$", printed, re.MULTILINE)
    assert re.search(r"^Successfully tagged nginx:ulsah$", printed, re.MULTILINE)


def test_the_custom_page_is_served(ulsah: tuple[RunningDaemon, str], port: int) -> None:
    daemon, _ = ulsah
    command = f"sed -i 's,{_ROOT},root /usr/share/nginx/html;,' /etc/nginx/sites-enabled/default"
    daemon.docker("run", "-p", f"{port}:80", "--name", "nginx-ulsah", "-d", "nginx:ulsah", "sh", "-c",
                  f"{command} && exec nginx -g 'daemon off;'")  # fmt: skip
    eventually(lambda: _answers(port))
    assert _fetched(port) == INDEX


def test_images_shows_it(ulsah: tuple[RunningDaemon, str]) -> None:
    daemon, printed = ulsah
    built = re.search(r"^Successfully built ([0-9a-f]{12})$", printed, re.MULTILINE)
    assert built
    (line,) = [line for line in daemon.docker("images").out.splitlines() if "ulsah" in line]
    assert re.fullmatch(rf"nginx +ulsah +{built[1]} +.* ago +[0-9.]+MB", line)


def test_an_image_in_use_is_not_removed(ulsah: tuple[RunningDaemon, str]) -> None:
    """The container is stopped and removed first, as the chapter says."""
    daemon, _ = ulsah
    daemon.docker("run", "-d", "--name", "using", "nginx:ulsah")
    refused = daemon.docker("rmi", "nginx:ulsah", check=False)
    assert refused.code == 1
    assert "conflict: unable to remove repository reference" in refused.err
    daemon.docker("stop", "-t", "1", "using")
    assert daemon.docker("rmi", "nginx:ulsah", check=False).code == 1
    daemon.docker("rm", "using")
    assert "Untagged: nginx:ulsah" in daemon.docker("rmi", "nginx:ulsah").out

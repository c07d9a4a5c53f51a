"""A base image gets its packages from where this machine does."""

from pathlib import Path

import pytest

from pogu.engine.images.aptsources import Source, apt_settings, host_sources, portable, sources_for

KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_both_forms_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        f"# a comment\ndeb [signed-by={KEY} arch=amd64] http://m/debian bookworm main contrib # more\n"
        "deb-src http://m/debian bookworm main\ndeb http://other/repo stable nonfree\n"
    )
    (tmp_path / "sources.list.d" / "debian.sources").write_text(
        "Types: deb deb-src\nURIs: http://a http://b\nSuites: bookworm\n bookworm-updates\nComponents: main\n"
        f"# inside\nSigned-By: {KEY}\n\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: x\nComponents: main\n"
    )
    (tmp_path / "sources.list.d" / "old.list.save").write_text("deb http://saved x main\n")
    assert host_sources(tmp_path) == [
        Source("http://m/debian", "bookworm", f"signed-by={KEY}"),
        Source("http://a", "bookworm", f"signed-by={KEY}"),
        Source("http://a", "bookworm-updates", f"signed-by={KEY}"),
        Source("http://b", "bookworm", f"signed-by={KEY}"),
        Source("http://b", "bookworm-updates", f"signed-by={KEY}"),
    ]


def test_a_machine_without_apt_has_none(tmp_path: Path) -> None:
    assert host_sources(tmp_path) == []


def test_another_suite_comes_from_the_same_archives() -> None:
    own = [
        Source("http://m/debian", "bookworm"),
        Source("http://m/debian", "bookworm-updates"),
        Source("http://m/security", "bookworm-security"),
        Source("http://third/party", "bookwormish"),
    ]
    assert sources_for("trixie", "bookworm", own) == [
        Source("http://m/debian", "trixie"),
        Source("http://m/debian", "trixie-updates"),
        Source("http://m/security", "trixie-security"),
    ]
    assert sources_for("sid", "bookworm", own) == [Source("http://m/debian", "sid")]


@pytest.mark.parametrize("host", ["", "noble"])
def test_elsewhere_debians_own_mirrors_serve(host: str) -> None:
    lines = [s.line() for s in sources_for("bookworm", host, [Source("http://ubuntu", "jammy")])]
    assert lines == [
        "deb http://deb.debian.org/debian bookworm main",
        "deb http://deb.debian.org/debian bookworm-updates main",
        "deb http://deb.debian.org/debian-security bookworm-security main",
    ]


def test_settings_that_mirrors_need_are_kept_and_the_machines_own_stay_out_of_the_image() -> None:
    kept = [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::Proxy::host.example "DIRECT";',
        'Acquire::Check-Valid-Until "false";',
    ]
    local = ['Acquire::http::Proxy "http://127.0.0.1:3142";', 'Acquire::https::CaInfo "/etc/ssl/own.pem";']
    other = [
        'APT::Architecture "amd64";',
        'Acquire::http::Proxy "";',
        'Acquire::AllowInsecureRepositories "0";',
        'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
        'DPkg::Pre-Invoke:: "rm -rf /";',
    ]
    assert apt_settings("\n".join([*kept, *local, *other])) == [*kept, *local]
    assert portable([*kept, *local]) == kept

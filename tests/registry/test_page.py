"""The registry's page, as a browser shows it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from pogu.registry.manifests import OCI_MANIFEST
from tests.registry.browser import Browser, browser
from tests.registry.client import CONFIG, LAYER, described, digest
from tests.registry.serving import serving

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("browser")]


@pytest.fixture
def tab(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A tab of Chromium."""
    if not request.config.getoption("--soak"):
        pytest.skip("a browser of 350 MB is unpacked for the long run (--soak) alone")
    with browser() as running:
        yield running


def test_repositories_tags_layers_and_sizes(tab: Browser) -> None:
    layers = [os.urandom(1_500_000), os.urandom(2_000)]
    with serving() as client:
        tab.open(client.url)
        assert "Nothing has been pushed yet." in tab.text()

        data = client.image("team/web", *layers)
        config = json.loads(data)["config"]
        for tag in ("1.0", "latest"):
            client.push_manifest("team/web", tag, data)

        tab.open(client.url)
        assert tab.evaluate("document.title") == "Repositories"
        assert tab.rows() == [["Repository", "Tags"], ["team/web", "2"]]
        tab.click("team/web")
        head, *rows = tab.rows()
        assert head == ["Tag", "Digest", "Size", "Pushed"]
        assert [row[:3] for row in rows] == [[tag, f"{digest(data)[:19]}…", "1.5 MB"] for tag in ("1.0", "latest")]
        tab.click("1.0")
        shown = tab.rows()
        assert ["Digest", digest(data)] in shown
        assert [digest(layers[0]), LAYER, "1.5 MB"] in shown
        assert [digest(layers[1]), LAYER, "2 kB"] in shown
        assert [config["digest"], CONFIG, f"{config['size']} B"] in shown
        tab.click("Pogu registry")
        assert tab.rows()[1:] == [["team/web", "2"]]


def test_what_was_pushed_is_text_to_the_browser(tab: Browser) -> None:
    with serving() as client:
        bad = "<img src=x onerror=document.title='pwned'>"
        manifest = {
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": f"application/{bad}",
            "config": described(b"{}", "application/vnd.oci.empty.v1+json"), "layers": [],
        }  # fmt: skip
        client.push_blob("bad", b"{}")
        answer = client.put("/v2/bad/manifests/1", json.dumps(manifest).encode(), OCI_MANIFEST)
        assert answer.status_code == 201
        tab.open(f"{client.url}/repositories/bad:1")
        assert f"application/{bad}" in tab.text()
        assert tab.evaluate("document.title") == "bad:1"
        assert tab.evaluate("document.images.length") == 0

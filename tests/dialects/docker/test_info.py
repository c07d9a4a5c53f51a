import pytest

from pogu.dialects.docker.info import mask_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:secret@proxy:3128/x", "http://xxxxx:xxxxx@proxy:3128/x"),
        ("http://me@proxy", "http://xxxxx:xxxxx@proxy"),
        ("http://me:p@ss@proxy", "http://xxxxx:xxxxx@proxy"),
    ],
)
def test_passwords_of_proxies_are_not_shown(url, shown):
    assert mask_credentials(url) == shown

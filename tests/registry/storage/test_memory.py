from __future__ import annotations

from pogu.registry.storage.memory import Recent


def test_what_was_put_is_known_until_forgotten() -> None:
    recent = Recent(10_000)
    assert not recent.knows("a")
    recent.put("a", b"1")
    recent.put("b", None)
    assert recent.knows("a") and recent.get("a") == b"1" and recent.knows("b") and recent.get("b") is None
    recent.put("a", b"2")
    assert recent.get("a") == b"2"
    recent.forget("a")
    recent.forget("a")
    assert not recent.knows("a") and recent.knows("b")


def test_the_least_recently_used_goes_first() -> None:
    recent = Recent(3000)
    for key in "abc":
        recent.put(key, b"x" * 700)
    recent.get("a")
    recent.put("d", b"x" * 700)
    assert [key for key in "abcd" if recent.knows(key)] == ["a", "c", "d"]


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    recent = Recent(1000)
    recent.put("a", b"x" * 5000)
    assert not recent.knows("a")
    recent.put("b", b"x")
    assert recent.knows("b")

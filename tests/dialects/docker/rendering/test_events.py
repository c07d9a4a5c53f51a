from pogu.dialects.docker.rendering.events import render_event
from pogu.engine.events import Event


def test_a_containers_event_has_the_old_fields_in_front():
    event = Event("container", "start", "abc", {"image": "busybox", "name": "web"}, 1_700_000_000_000_000_005)
    assert render_event(event) == {
        "status": "start",
        "id": "abc",
        "from": "busybox",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "abc", "Attributes": {"image": "busybox", "name": "web"}},
        "scope": "local",
        "time": 1_700_000_000,
        "timeNano": 1_700_000_000_000_000_005,
    }


def test_an_images_event_does_not_come_from_an_image():
    value = render_event(Event("image", "tag", "sha256:1", {"name": "a"}, 1))
    assert (value["status"], value["id"]) == ("tag", "sha256:1")
    assert "from" not in value


def test_other_events_have_none_of_them():
    assert not {"status", "id", "from"} & set(render_event(Event("volume", "create", "v", {}, 1)))

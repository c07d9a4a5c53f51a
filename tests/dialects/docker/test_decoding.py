import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pogu.dialects.docker.decoding import decode_json
from pogu.dialects.docker.requests import CreateRequest, NetworkCreateRequest, narrow
from pogu.engine.model import ContainerConfig
from pogu.errors import InvalidArgument


def test_names_match_whatever_their_case():
    request = decode_json(b'{"image":"x","TTY":true,"hostconfig":{"MEMORY":5},"labels":{"A":"b"}}', CreateRequest)
    assert (request.image, request.tty, request.labels) == ("x", True, {"A": "b"})
    assert request.host_config is not None
    assert request.host_config.memory == 5


def test_the_exact_name_wins():
    assert decode_json(b'{"Image":"a","Cmd":["x"]}', CreateRequest).cmd == ["x"]


def test_null_leaves_a_field_alone_and_unknown_fields_are_ignored():
    request = decode_json(b'{"Image":null,"Healthcheck":{"Interval":null},"Nosuch":[1]}', CreateRequest)
    assert request.image == ""
    assert request.healthcheck is not None
    assert request.healthcheck.interval == 0


def test_a_command_is_a_list_or_text():
    assert decode_json(b'{"Cmd":"a b"}', CreateRequest).cmd == "a b"
    assert decode_json(b'{"Cmd":["a","b"]}', CreateRequest).cmd == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"Tty":"x"}', "cannot unmarshal string into Go struct field CreateRequest.Tty of type bool"),
        (b'{"Image":1}', "cannot unmarshal number into Go struct field CreateRequest.Image of type string"),
        (b"[]", "cannot unmarshal array into Go value of type CreateRequest"),
        (
            b'{"HostConfig":{"Memory":1.5}}',
            "cannot unmarshal number 1.5 into Go struct field CreateRequest.HostConfig.Memory of type int64",
        ),
        (b'{"HostConfig":{"Memory":9223372036854775808}}', "number 9223372036854775808 into Go struct field"),
        (b'{"HostConfig":{"Memory":true}}', "cannot unmarshal bool into Go struct field"),
        (b'{"Env":"A=b"}', "cannot unmarshal string into Go struct field CreateRequest.Env of type []string"),
        (b'{"Env":{"A":"b"}}', "cannot unmarshal object into Go struct field CreateRequest.Env of type []string"),
        (b'{"Labels":["a"]}', "CreateRequest.Labels of type map[string]string"),
        (b'{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":80}]}}}', "HostPort of type string"),
    ],
)
def test_wrong_types_are_refused_in_gos_words(body, message):
    with pytest.raises(InvalidArgument) as e:
        decode_json(body, CreateRequest)
    assert message in e.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b'{"Image"',
        b"\xff\xfe",
        b"nul",
        b"[" * 100000,
        b'{"a":' * 5000,
        b'{"Image":"\\ud800"}',
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(InvalidArgument):
        decode_json(body, CreateRequest)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(st.sampled_from(["Image", "Env", "HostConfig", "Labels", "Cmd", "IPAM", "Options"]), json_values)
)
def test_any_json_is_read_or_refused(value):
    body = msgspec.json.encode(value)
    for type_ in (CreateRequest, NetworkCreateRequest):
        try:
            decode_json(body, type_)
        except InvalidArgument:
            pass


def test_narrow_takes_the_fields_of_the_smaller_struct():
    config = narrow(decode_json(b'{"Image":"x","HostConfig":{}}', CreateRequest), ContainerConfig)
    assert type(config) is ContainerConfig
    assert config.image == "x"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('"VolumeOptions":{"DriverConfig":1}', "cannot unmarshal number into Go struct field"),
        ('"VolumeOptions":{"Labels":[]}', "of type map[string]string"),
        ('"BindOptions":{"CreateMountpoint":3}', "HostConfig.Mounts.BindOptions.CreateMountpoint of type bool"),
        ('"TmpfsOptions":{"SizeBytes":"x"}', "of type int64"),
    ],
)
def test_the_options_of_mounts_have_types_too(options: str, message: str) -> None:
    body = f'{{"HostConfig":{{"Mounts":[{{"Type":"volume","Target":"/d",{options}}}]}}}}'
    with pytest.raises(InvalidArgument) as e:
        decode_json(body.encode(), CreateRequest)
    assert message in e.value.message


def test_the_options_of_mounts_are_read_as_leniently() -> None:
    options = b'{"nocopy":true,"Labels":null,"X":1}'
    body = b'{"HostConfig":{"Mounts":[{"Type":"volume","Target":"/d","VolumeOptions":%b}]}}' % options
    mounts = decode_json(body, CreateRequest).host_config.mounts
    assert mounts[0].volume_options == {"NoCopy": True}

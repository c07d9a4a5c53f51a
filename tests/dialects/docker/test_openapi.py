import re
from types import SimpleNamespace

import msgspec
import pytest

from pogu.dialects.docker.api import all_routes
from pogu.dialects.docker.openapi import describe

_ROOMS = ("containers", "images", "networks", "volumes", "events", "config", "builder")
NO_ENGINE = SimpleNamespace(**dict.fromkeys(_ROOMS))


@pytest.fixture(scope="module")
def routes():
    return all_routes(NO_ENGINE)


@pytest.fixture(scope="module")
def description(routes):
    return msgspec.json.decode(msgspec.json.encode(describe(routes)))


def test_every_route_is_described(routes, description):
    described = {(m.upper(), p) for p, operations in description["paths"].items() for m in operations}
    assert described == {(r.method, r.path.replace(":path}", "}")) for r in routes}
    assert len(routes) > 100


def test_operation_names_are_unique(routes):
    names = [r.operation for r in routes]
    assert len(set(names)) == len(names)


def test_path_parameters_are_those_of_the_path(description):
    for path, operations in description["paths"].items():
        for operation in operations.values():
            named = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)


def test_references_lead_somewhere(description):
    text = msgspec.json.encode(description).decode()
    for reference in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert reference in description["components"]["schemas"]


def test_errors_have_the_one_body(description):
    missing = description["paths"]["/containers/{name}/json"]["get"]["responses"]["404"]
    assert missing["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_a_create_request_is_described_by_its_struct(description):
    body = description["paths"]["/containers/create"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/CreateRequest"}
    properties = description["components"]["schemas"]["CreateRequest"]["properties"]
    assert {"Image", "Cmd", "HostConfig", "NetworkingConfig"} <= set(properties)


def test_every_json_answer_says_what_is_in_it(description):
    loose = {"PluginList"}
    for operations in description["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema")
                assert schema is None or schema or operation["operationId"] in loose, (operation, status)


def test_shapes_are_closed(description):
    inspected = description["components"]["schemas"]["ContainerInspect"]
    assert inspected["additionalProperties"] is False
    assert {"Id", "State", "HostConfig", "NetworkSettings"} <= set(inspected["required"])


def test_streams_are_marked(description):
    assert description["paths"]["/events"]["get"]["responses"]["200"]["x-each-line"] is True
    assert "x-each-line" not in description["paths"]["/info"]["get"]["responses"]["200"]


def test_filters_are_described_by_their_keys(description):
    parameters = description["paths"]["/networks"]["get"]["parameters"]
    [filters] = [p for p in parameters if p["name"] == "filters"]
    properties = filters["content"]["application/json"]["schema"]["properties"]
    assert set(properties) == {"dangling", "driver", "id", "label", "name", "scope", "type"}


def test_what_head_answers_has_no_body(description):
    answers = description["paths"]["/containers/{name}/archive"]["head"]["responses"].values()
    assert all("content" not in answer for answer in answers)


def test_it_loads_in_a_tool_that_makes_up_requests(description):
    import schemathesis

    loaded = schemathesis.openapi.from_dict(description)
    operations = [o.ok() for o in loaded.get_all_operations()]
    assert len(operations) == sum(len(o) for o in description["paths"].values())

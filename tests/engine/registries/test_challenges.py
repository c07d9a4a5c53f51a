from pogu.engine.registries.challenges import Challenge, parse_challenges


def test_bearer() -> None:
    header = 'Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push"'
    parameters = {
        "realm": "https://auth.example/token",
        "service": "r.example",
        "scope": "repository:a/b:pull,push",
    }
    assert parse_challenges(header) == [Challenge("bearer", parameters)]


def test_several_in_one_header() -> None:
    header = 'Negotiate, Basic realm="a \\"b\\"", charset=UTF-8, Bearer realm=x'
    assert parse_challenges(header) == [
        Challenge("negotiate"),
        Challenge("basic", {"realm": 'a "b"', "charset": "UTF-8"}),
        Challenge("bearer", {"realm": "x"}),
    ]


def test_what_is_none_ends_the_list() -> None:
    assert parse_challenges("") == []
    assert parse_challenges("=") == []
    assert parse_challenges('Basic realm="open') == [Challenge("basic")]

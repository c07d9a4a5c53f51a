"""Go templates: what Go prints for a value, and what it says of a template that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.cli.templates import Template, TemplateError
from pogu.cli.templates.values import to_json

VALUE: dict[str, Any] = {
    "Id": "abc",
    "Name": "<web>",
    "Size": 12,
    "Ratio": 0.25,
    "State": {"Running": True, "Pid": 7, "Error": ""},
    "Names": ["a", "b"],
    "Config": {"Labels": {"x.y": "1", "z": "2"}, "Env": None, "Volumes": {}, "Image": None},
    "Ports": {"80/tcp": [{"HostPort": "8080"}], "90/udp": None},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Id}}-{{.State.Running}}-{{.Size}}", "abc-true-12"),
        ("{{.ID}}", "abc"),
        ("{{.Names}} {{.Config.Labels}}", "[a b] map[x.y:1 z:2]"),
        ("{{.Config.Env}}|{{.Config.Labels.missing}}|{{.Config.Image}}", "[]|<no value>|<no value>"),
        ('{{index .Config.Labels "x.y"}}{{index .Names 1}}', "1b"),
        ('{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"),
        ("{{range .Names}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $e := .Names}}{{$i}}{{$e}}{{end}}", "0a1b"),
        ("{{range $p, $b := .Ports}}{{$p}}={{if $b}}{{(index $b 0).HostPort}}{{end}};{{end}}", "80/tcp=8080;90/udp=;"),
        ("{{range .Config.Env}}x{{else}}none{{end}}", "none"),
        ("{{range .Names}}{{if eq . `b`}}{{break}}{{end}}{{.}}{{end}}", "a"),
        ("{{range .Names}}{{if eq . `a`}}{{continue}}{{end}}{{.}}{{end}}", "b"),
        ("{{if .State.Error}}bad{{else if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if and .State.Running (gt .State.Pid 5)}}y{{end}}{{if or false 0}}n{{end}}", "y"),
        ("{{with .Config.Labels}}{{.z}}{{end}}{{with .Config.Env}}x{{else}}-{{end}}", "2-"),
        ("{{$x := .Size}}{{$x = 5}}{{$x}}{{$.Id}}", "5abc"),
        ("{{$n := 0}}{{range .Names}}{{$n = .}}{{end}}{{$n}}", "b"),
        ('{{join .Names ", "}} {{upper .Id}} {{title "ab cd"}} {{lower "X"}}', "a, b ABC Ab Cd x"),
        ('{{split "a:b" ":"}} {{len .Names}} {{.Names | len}} {{len "é"}}', "[a b] 2 2 2"),
        ('{{truncate .Id 2}} {{pad .Id 1 2}}| {{slice .Id 1}} {{slice .Names 0 1}}', "ab  abc  | bc [a]"),
        ('{{printf "%s-%5d|%-5s|%05d|%q|%v|%x|%.2f|%%" .Id 42 "l" 7 "q" .Names 255 .Ratio}}',
         'abc-   42|l    |00007|"q"|[a b]|ff|0.25|%'),
        ('{{.Id | printf "%s:%s" "id"}}', "id:abc"),
        ('{{eq .Size 12}} {{ne .Id "x"}} {{lt 1 2}} {{ge 2 2}} {{eq .Id "y" "abc"}} {{not true}}',
         "true true true true true false"),
        ("{{print 1 2 .Id 3}} {{println .Id}}", "1 2abc3 abc\n"),
        ("{{json .Names}} {{json .State}} {{json .Name}}", '["a","b"] {"Running":true,"Pid":7,"Error":""} "<web>"'),
        ("{{html .Name}} {{urlquery .Name}}", "&lt;web&gt; %3Cweb%3E"),
        ("a {{- .Id -}} b", "aabcb"),
        ("{{/* nothing */}}{{- /* nor this */ -}}x", "x"),
        ('{{"a\\tb\\x41\\u00e9"}}{{`raw\\t`}}', "a\tbAéraw\\t"),
        ("{{.Ratio}} {{1.5}} {{0x10}} {{'a'}} {{nil | json}}", "0.25 1.5 16 97 null"),
        ("{{if not .State.Error}}{{.Id}}{{end}}", "abc"),
    ],
)  # fmt: skip
def test_rendered(template: str, text: str) -> None:
    assert Template(template).render(VALUE) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Nothing}}", 'map has no entry for key "Nothing"'),
        ("{{.Id.More}}", "can't evaluate field More"),
        ("{{.Config.Env.More}}", "nil data"),
        ("{{nosuch .Id}}", 'function "nosuch" not defined'),
        ("{{.Id", "unclosed action"),
        ("{{if .Id}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{}}", "missing value for command"),
        ("{{range}}x{{end}}", "missing value for range"),
        ("{{(.Id}}", "unclosed left paren"),
        ("{{.Id | }}", "missing value"),
        ("{{$x}}", 'undefined variable "$x"'),
        ("{{index .Names 9}}", "index out of range: 9"),
        ("{{index .Size 1}}", "can't index item"),
        ("{{len .Size}}", "len of type"),
        ("{{eq .Id 1}}", "incompatible types for comparison"),
        ("{{lt .Names .Names}}", "incompatible types for comparison"),
        ("{{upper}}", "wrong arguments for upper"),
        ("{{slice .Id 9}}", "index out of range"),
        ("{{.Id .Name}}", "can't give argument to non-function"),
        ("{{range .Id}}x{{end}}", "range can't iterate over abc"),
        ("{{?}}", "unexpected"),
    ],
)
def test_refused(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as e:
        Template(template).render(VALUE)
    assert message in e.value.message


def test_fields_are_the_columns_of_a_table() -> None:
    assert Template("{{.ID}}\t{{upper .Name}}\t{{if .State}}{{.Ports}}{{end}}").fields() == [
        "ID",
        "Name",
        "State",
        "Ports",
    ]


@given(st.text(alphabet="{}.|$ ()\"`'/*-abI0=:,%\\n", max_size=60))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    try:
        Template(text).render(VALUE)
    except TemplateError:
        pass


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_is_json(value: Any) -> None:
    import json

    assert json.loads(to_json(value)) == value

"""Text to tree: the part of Go's text/template grammar that people write in `--format`.

Actions: pipelines, `if`/`else if`/`else`, `range`, `with`, `break`, `continue`, variables, comments, trim markers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pogu.errors import InvalidArgument


class TemplateError(InvalidArgument):
    """The template is wrong, or does not fit the value it is given."""


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Literal:
    value: object


@dataclass(slots=True)
class Field:
    """`.A.B`, with `base` None for the dot; `(…).A` and `$x.A` have a base."""

    names: list[str]
    base: Node | None = None


@dataclass(slots=True)
class Variable:
    name: str


@dataclass(slots=True)
class Name:
    """A function's name."""

    name: str


@dataclass(slots=True)
class Command:
    words: list[Node]


@dataclass(slots=True)
class Pipeline:
    """Commands fed into one another; the result may go into a variable (`declares`: `:=`)."""

    commands: list[Command]
    variables: list[str] = field(default_factory=list)
    declares: bool = False


@dataclass(slots=True)
class Output:
    pipeline: Pipeline


@dataclass(slots=True)
class Branch:
    """`if`, `range` or `with`."""

    kind: str
    pipeline: Pipeline
    body: list[Node]
    otherwise: list[Node]


@dataclass(slots=True)
class Jump:
    kind: str


Node = Text | Literal | Field | Variable | Name | Command | Pipeline | Output | Branch | Jump

_ACTION = re.compile(
    r"\{\{(- |-(?=/))?(/\*.*?\*/|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|[^\"`'])*?)( -)?\}\}", re.DOTALL
)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)
    |(?P<char>'(?:\\.|[^'\\])+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?))
    |(?P<field>(?:\.[A-Za-z_]\w*)+)
    |(?P<variable>\$\w*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<op>:=|[=|(),.]))""",
    re.VERBOSE,
)


def parse(text: str) -> list[Node]:
    """Return the tree of a template. Raises TemplateError."""
    parser = _Parser(list(_pieces(text)))
    nodes, end = parser.block(())
    assert not end
    return nodes


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("text", …) and ("action", …), with the trim markers applied."""
    position, trim = 0, False
    for match in _ACTION.finditer(text):
        before = text[position : match.start()]
        before = before.lstrip() if trim else before
        yield "text", before.rstrip() if match[1] else before
        if not match[2].startswith("/*"):
            yield "action", match[2].strip()
        position, trim = match.end(), bool(match[3])
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("template parsing error: template: :1: unclosed action")
    yield "text", rest.lstrip() if trim else rest


class _Parser:
    def __init__(self, pieces: list[tuple[str, str]]) -> None:
        self._pieces = pieces
        self._at = 0

    def block(self, ends: tuple[str, ...]) -> tuple[list[Node], str]:
        """Parse until one of `ends` (its whole action is returned), or to the end of the text where there are none."""
        nodes: list[Node] = []
        while self._at < len(self._pieces):
            kind, text = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                if text:
                    nodes.append(Text(text))
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in ends:
                return nodes, text
            nodes.append(self._action(word, text))
        if ends:
            raise TemplateError("template parsing error: template: :1: unexpected EOF")
        return nodes, ""

    def _action(self, word: str, text: str) -> Node:
        if word in {"if", "range", "with"}:
            return self._branch(word, text.split(None, 1)[1:])
        if word in {"break", "continue"}:
            return Jump(word)
        if word in {"else", "end"}:
            raise TemplateError(f"template parsing error: template: :1: unexpected {{{{{word}}}}}")
        if not text:
            raise TemplateError("template parsing error: template: :1: missing value for command")
        return Output(_Expression(text).pipeline())

    def _branch(self, kind: str, rest: list[str]) -> Branch:
        if not rest:
            raise TemplateError(f"template parsing error: template: :1: missing value for {kind}")
        pipeline = _Expression(rest[0]).pipeline()
        body, end = self.block(("else", "end"))
        otherwise: list[Node] = []
        following = end.split(None, 2)[1:]
        if end.startswith("else") and following:
            if following[0] not in {"if", "with"}:
                raise TemplateError(f"template parsing error: template: :1: unexpected <{following[0]}> in else")
            otherwise = [self._branch(following[0], following[1:])]
        elif end.startswith("else"):
            otherwise, _ = self.block(("end",))
        return Branch(kind, pipeline, body, otherwise)


class _Expression:
    """One action's tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._scan())
        self._at = 0

    def _scan(self) -> Iterator[tuple[str, str, bool]]:
        """Yield (kind, text, whether white space stood before it)."""
        position = 0
        text = self._text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match or match.lastgroup is None:
                raise TemplateError(f"template parsing error: template: :1: unexpected {text[position:].strip()[:1]!r}")
            token = match[match.lastgroup]
            yield match.lastgroup, token, match.end() - len(token) > position
            position = match.end()

    def _peek(self) -> tuple[str, str, bool]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "", True)

    def _next(self) -> tuple[str, str, bool]:
        token = self._peek()
        self._at += 1
        return token

    def pipeline(self, *, nested: bool = False) -> Pipeline:
        variables, declares = self._declaration()
        commands = [self._command()]
        while self._peek()[1] == "|" and self._peek()[0] == "op":
            self._next()
            commands.append(self._command())
        kind, text, _ = self._peek()
        if not nested and kind != "end":
            raise TemplateError(f"template parsing error: template: :1: unexpected {text!r} in operand")
        return Pipeline(commands, variables, declares)

    def _declaration(self) -> tuple[list[str], bool]:
        start, names = self._at, []
        while self._peek()[0] == "variable":
            names.append(self._next()[1])
            if self._peek()[1] == ",":
                self._next()
                continue
            if self._peek()[1] in {":=", "="}:
                return names, self._next()[1] == ":="
            break
        self._at = start
        return [], False

    def _command(self) -> Command:
        words: list[Node] = []
        while (word := self._operand()) is not None:
            words.append(word)
        if not words:
            raise TemplateError("template parsing error: template: :1: missing value for command")
        return Command(words)

    def _operand(self) -> Node | None:
        kind, text, _ = self._peek()
        if kind == "end" or (kind == "op" and text in {"|", ")"}):
            return None
        self._next()
        node: Node
        if kind == "field":
            return Field(text[1:].split("."))
        if kind == "op" and text == ".":
            return Field([])
        if kind == "op" and text == "(":
            node = self.pipeline(nested=True)
            if self._next()[1] != ")":
                raise TemplateError("template parsing error: template: :1: unclosed left paren")
        elif kind == "variable":
            node = Variable(text)
        elif kind == "name":
            return _word(text)
        elif kind in {"string", "char", "number"}:
            return Literal(_literal(kind, text))
        else:
            raise TemplateError(f"template parsing error: template: :1: unexpected {text!r} in operand")
        kind, text, spaced = self._peek()
        if kind == "field" and not spaced:
            self._next()
            return Field(text[1:].split("."), node)
        return node


def _word(text: str) -> Node:
    constants: dict[str, object] = {"true": True, "false": False, "nil": None}
    return Literal(constants[text]) if text in constants else Name(text)


def _literal(kind: str, text: str) -> object:
    if kind == "number":
        text = text.replace("_", "")
        return int(text, 0) if re.fullmatch(r"[+-]?(0[xX][0-9a-fA-F]+|\d+)", text) else float(text)
    if kind == "char":
        return ord(_unquoted(f'"{text[1:-1]}"')[:1] or "\0")
    return text[1:-1] if text.startswith("`") else _unquoted(text)


def _unquoted(text: str) -> str:
    body = re.sub(r"\\([x'a])([0-9a-fA-F]{2})?", _escape, text)
    try:
        return str(json.loads(body, strict=False))
    except ValueError:
        raise TemplateError(f"template parsing error: template: :1: malformed string {text}") from None


def _escape(match: re.Match[str]) -> str:
    """Rewrite the escapes that Go has and JSON has not."""
    letter, digits = match.groups()
    if letter == "x" and digits:
        return f"\\u00{digits}"
    return {"'": "'", "a": "\\u0007", "x": "x"}[letter] + (digits or "")

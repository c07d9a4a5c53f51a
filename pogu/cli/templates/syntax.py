"""Text to tree: the part of Go's text/template grammar that people write in `--format`.

Actions: pipelines, `if`/`else if`/`else`, `range`, `with`, `break`, `continue`, variables, comments, trim markers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from pogu.errors import InvalidArgument


class TemplateError(InvalidArgument):
    """The template is wrong, or does not fit the value it is given. The message is Go's, from `template:` on."""


class ParseError(TemplateError):
    """The template is wrong, whatever the value."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(f"template: :{line}: {message}")


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Literal:
    value: object
    source: str = ""


@dataclass(slots=True)
class Field:
    """`.A.B`, with `base` None for the dot; `(…).A` and `$x.A` have a base."""

    names: list[str]
    base: Node | None = None
    at: int = 0  # where Go says that it is: its second name where it has more than one


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
    at: int = 0


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


def parse(text: str, functions: Container[str]) -> list[Node]:
    """Return the tree of a template that may call `functions`. Raises ParseError."""
    parser = _Parser(list(_pieces(text, functions)), functions)
    nodes, end = parser.block(())
    assert not end
    return nodes


def source(node: Node) -> str:
    """Return a node as Go writes it in errors."""
    if isinstance(node, Field):
        return ("" if node.base is None else source(node.base)) + ("".join(f".{name}" for name in node.names) or ".")
    if isinstance(node, Command):
        return " ".join(map(source, node.words))
    if isinstance(node, Pipeline):
        return f"({' | '.join(map(source, node.commands))})"
    if isinstance(node, (Variable, Name)):
        return node.name
    return node.source if isinstance(node, Literal) else "…"


def _pieces(text: str, functions: Container[str]) -> Iterator[tuple[str, str, int]]:
    """Yield ("text", …) and ("action", …) with where each starts; the trim markers are applied."""
    position, trim = 0, False
    for match in _ACTION.finditer(text):
        before = text[position : match.start()]
        before = before.lstrip() if trim else before
        yield "text", before.rstrip() if match[1] else before, position
        if not match[2].startswith("/*"):
            body = match[2]
            yield "action", body.strip(), match.start(2) + len(body) - len(body.lstrip())
        position, trim = match.end(), bool(match[3])
    rest = text[position:]
    if "{{" in rest:
        before, _, action = rest.partition("{{")
        line = text.count("\n", 0, position + len(before)) + 1
        raise ParseError(_why_unclosed(action, functions), line)
    yield "text", rest.lstrip() if trim else rest, position


def _why_unclosed(action: str, functions: Container[str]) -> str:
    """Return the first thing Go finds wrong with an action that does not end."""
    position = 0
    while position < len(action.rstrip()):
        match = _TOKEN.match(action, position)
        if not match:
            letter = action[position:].lstrip()[0]
            return f"bad character U+{ord(letter):04X} {letter!r}" if letter in "}{@#%^&*;\\?~" else "unclosed action"
        if match["name"] and match["name"] not in functions and match["name"] not in _WORDS:
            return f'function "{match["name"]}" not defined'
        position = match.end()
    return "unclosed action"


_WORDS = frozenset("if else end range with break continue true false nil and or".split())


class _Parser:
    def __init__(self, pieces: list[tuple[str, str, int]], functions: Container[str]) -> None:
        self._pieces = pieces
        self._functions = functions
        self._at = 0

    def block(self, ends: tuple[str, ...]) -> tuple[list[Node], str]:
        """Parse until one of `ends` (its whole action is returned), or to the end of the text where there are none."""
        nodes: list[Node] = []
        while self._at < len(self._pieces):
            kind, text, start = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                if text:
                    nodes.append(Text(text))
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in ends:
                return nodes, text
            nodes.append(self._action(word, text, start))
        if ends:
            raise ParseError("unexpected EOF")
        return nodes, ""

    def _action(self, word: str, text: str, start: int) -> Node:
        if word in {"if", "range", "with"}:
            return self._branch(word, text.split(None, 1)[1:], start + len(text))
        if word in {"break", "continue"}:
            return Jump(word)
        if word in {"else", "end"}:
            raise ParseError(f"unexpected {{{{{word}}}}}")
        if not text:
            raise ParseError("missing value for command")
        return Output(_Expression(text, start, self._functions).pipeline())

    def _branch(self, kind: str, rest: list[str], end_at: int) -> Branch:
        """Parse a branch whose action ends at the offset `end_at`."""
        if not rest:
            raise ParseError(f"missing value for {kind}")
        pipeline = _Expression(rest[0], end_at - len(rest[0]), self._functions).pipeline()
        body, end = self.block(("else", "end"))
        otherwise: list[Node] = []
        following = end.split(None, 2)[1:]
        if end.startswith("else") and following:
            if following[0] not in {"if", "with"}:
                raise ParseError(f"unexpected <{following[0]}> in else")
            otherwise = [self._branch(following[0], following[1:], end_at)]
        elif end.startswith("else"):
            otherwise, _ = self.block(("end",))
        return Branch(kind, pipeline, body, otherwise)


class _Expression:
    """One action's tokens."""

    def __init__(self, text: str, start: int, functions: Container[str]) -> None:
        self._text = text
        self._start = start  # where the text is in the template
        self._functions = functions
        self._tokens = list(self._scan())
        self._at = 0

    def _scan(self) -> Iterator[tuple[str, str, bool, int]]:
        """Yield (kind, text, whether white space stood before it, where it is in the template)."""
        position = 0
        text = self._text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match or match.lastgroup is None:
                raise ParseError(f"unexpected {text[position:].strip()[:1]!r}")
            token = match[match.lastgroup]
            start = match.end() - len(token)
            yield match.lastgroup, token, start > position, self._start + start
            position = match.end()

    def _peek(self) -> tuple[str, str, bool, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "", True, 0)

    def _next(self) -> tuple[str, str, bool, int]:
        token = self._peek()
        self._at += 1
        return token

    def pipeline(self, *, nested: bool = False) -> Pipeline:
        variables, declares = self._declaration()
        commands = [self._command()]
        while self._peek()[1] == "|" and self._peek()[0] == "op":
            self._next()
            commands.append(self._command())
        kind, text, *_ = self._peek()
        if not nested and kind != "end":
            raise ParseError(f"unexpected {text!r} in operand")
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
        at = self._peek()[3]
        while (word := self._operand()) is not None:
            words.append(word)
        if not words:
            raise ParseError("missing value for command")
        return Command(words, at)

    def _operand(self) -> Node | None:
        kind, text, _, at = self._peek()
        if kind == "end" or (kind == "op" and text in {"|", ")"}):
            return None
        self._next()
        node: Node
        if kind == "field":
            return _field(text, None, at)
        if kind == "op" and text == ".":
            return Field([], None, at)
        if kind == "op" and text == "(":
            node = self.pipeline(nested=True)
            if self._next()[1] != ")":
                raise ParseError("unclosed left paren")
        elif kind == "variable":
            node = Variable(text)
        elif kind == "name":
            return self._word(text)
        elif kind in {"string", "char", "number"}:
            return Literal(_literal(kind, text), text)
        else:
            raise ParseError(f"unexpected {text!r} in operand")
        kind, text, spaced, at = self._peek()
        if kind == "field" and not spaced:
            self._next()
            return _field(text, node, at)
        return node

    def _word(self, text: str) -> Node:
        constants: dict[str, object] = {"true": True, "false": False, "nil": None}
        if text in constants:
            return Literal(constants[text], text)
        if text not in self._functions and text not in {"and", "or"}:
            raise ParseError(f'function "{text}" not defined')
        return Name(text)


def _field(text: str, base: Node | None, at: int) -> Field:
    names = text[1:].split(".")
    return Field(names, base, at + len(names[0]) + 1 if len(names) > 1 and base is None else at)


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
        raise ParseError(f"malformed string {text}") from None


def _escape(match: re.Match[str]) -> str:
    """Rewrite the escapes that Go has and JSON has not."""
    letter, digits = match.groups()
    if letter == "x" and digits:
        return f"\\u00{digits}"
    return {"'": "'", "a": "\\u0007", "x": "x"}[letter] + (digits or "")

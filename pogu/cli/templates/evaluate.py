"""Running a template's tree over a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pogu.cli.templates.functions import FUNCTIONS
from pogu.cli.templates.syntax import (
    Branch,
    Command,
    Field,
    Jump,
    Literal,
    Name,
    Node,
    Output,
    Pipeline,
    TemplateError,
    Text,
    Variable,
    parse,
)
from pogu.cli.templates.values import looks_like_struct, printed, printed_null, truth

_NOTHING = object()


class Template:
    """A parsed template; `render` may be called many times."""

    def __init__(self, text: str) -> None:
        self._nodes = parse(text)

    def render(self, value: Any) -> str:
        """Return the text for `value` (JSON types). Raises TemplateError."""
        run = _Run(value)
        run.block(self._nodes, value)
        return "".join(run.out)

    def fields(self) -> list[str]:
        """Return the first name of each field used, in order: the columns of a table."""
        return [names[0] for node in self._nodes for names in _fields(node) if names]


def _fields(node: Node) -> Iterator[list[str]]:
    if isinstance(node, Output):
        yield from _fields(node.pipeline)
    elif isinstance(node, Pipeline):
        for command in node.commands:
            yield from _fields(command)
    elif isinstance(node, Command):
        for word in node.words:
            yield from _fields(word)
    elif isinstance(node, Field):
        if node.base is None:
            yield node.names
        else:
            yield from _fields(node.base)
    elif isinstance(node, Branch):
        for each in (node.pipeline, *node.body, *node.otherwise):
            yield from _fields(each)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Run:
    def __init__(self, root: Any) -> None:
        self.out: list[str] = []
        self._scopes: list[dict[str, Any]] = [{"$": root}]

    def block(self, nodes: Sequence[Node], dot: Any) -> None:
        self._scopes.append({})
        try:
            for node in nodes:
                self._node(node, dot)
        finally:
            self._scopes.pop()

    def _node(self, node: Node, dot: Any) -> None:
        if isinstance(node, Text):
            self.out.append(node.text)
        elif isinstance(node, Output):
            value = self._pipeline(node.pipeline, dot)
            if not node.pipeline.variables:
                self.out.append(printed(value) if value is not None else printed_null(_last_name(node.pipeline)))
        elif isinstance(node, Jump):
            raise _Break if node.kind == "break" else _Continue
        elif isinstance(node, Branch):
            self._scopes.append({})
            try:
                self._branch(node, dot)
            finally:
                self._scopes.pop()

    def _branch(self, node: Branch, dot: Any) -> None:
        if node.kind == "range":
            self._range(node, dot)
            return
        value = self._pipeline(node.pipeline, dot)
        if truth(value):
            self.block(node.body, value if node.kind == "with" else dot)
        else:
            self.block(node.otherwise, dot)

    def _range(self, node: Branch, dot: Any) -> None:
        variables, node_variables = node.pipeline.variables, Pipeline(node.pipeline.commands)
        items = _items(self._pipeline(node_variables, dot))
        for key, item in items:
            values = [key, item] if len(variables) == 2 else [item]
            self._scopes[-1].update(zip(variables, values, strict=False))
            try:
                self.block(node.body, item)
            except _Continue:
                continue
            except _Break:
                break
        if not items:
            self.block(node.otherwise, dot)

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = _NOTHING
        for command in pipeline.commands:
            value = self._command(command, dot, value)
        for name in pipeline.variables:
            self._assign(name, value, declare=pipeline.declares)
        return value

    def _assign(self, name: str, value: Any, *, declare: bool) -> None:
        scope = self._scopes[-1]
        if not declare:
            scope = next((s for s in reversed(self._scopes) if name in s), scope)
        scope[name] = value

    def _command(self, command: Command, dot: Any, piped: Any) -> Any:
        first, *rest = command.words
        if isinstance(first, Name):
            return self._call(first.name, rest, dot, piped)
        if rest or piped is not _NOTHING:
            raise TemplateError(f"template parsing error: can't give argument to non-function {_source(first)}")
        return self._value(first, dot)

    def _call(self, name: str, words: Sequence[Node], dot: Any, piped: Any) -> Any:
        if name in {"and", "or"}:
            return self._lazily(name, words, dot, piped)
        function = FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f'template parsing error: template: :1: function "{name}" not defined')
        arguments = [self._value(word, dot) for word in words]
        if piped is not _NOTHING:
            arguments.append(piped)
        try:
            return function(*arguments)
        except TypeError as e:
            raise TemplateError(f"template: :1: executing: wrong arguments for {name}: {e}") from e

    def _lazily(self, name: str, words: Sequence[Node], dot: Any, piped: Any) -> Any:
        """`and` and `or` stop at the first argument that decides (Go 1.18)."""
        value: Any = None
        for word in words:
            value = self._value(word, dot)
            if truth(value) == (name == "or"):
                return value
        return value if piped is _NOTHING else piped

    def _value(self, node: Node, dot: Any) -> Any:
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Field):
            value = dot if node.base is None else self._value(node.base, dot)
            for name in node.names:
                value = _member(value, name, node)
            return value
        if isinstance(node, Variable):
            for scope in reversed(self._scopes):
                if node.name in scope:
                    return scope[node.name]
            raise TemplateError(f'template parsing error: template: :1: undefined variable "{node.name}"')
        if isinstance(node, Pipeline):
            return self._pipeline(node, dot)
        if isinstance(node, Name):
            return self._call(node.name, (), dot, _NOTHING)
        raise TemplateError("template parsing error: unexpected operand")


def _member(value: Any, name: str, node: Field) -> Any:
    """Return a field: the name as the API has it, or in the case that Go's struct has (`.ID` for `Id`)."""
    if value is None:
        raise TemplateError(f"template: :1: executing at <{_source(node)}>: nil data; no entry for key {name!r}")
    if not isinstance(value, dict):
        raise TemplateError(
            f"template: :1: executing at <{_source(node)}>: can't evaluate field {name} in type {type(value).__name__}"
        )
    if name in value:
        return value[name]
    lowered = name.lower()
    for key in value:
        if key.lower() == lowered:
            return value[key]
    if looks_like_struct(value):
        raise TemplateError(
            f'template parsing error: template: :1: executing at <{_source(node)}>: map has no entry for key "{name}"'
        )
    return None


def _last_name(pipeline: Pipeline) -> str:
    """Return the name of the field that a pipeline is, "" where it is more than a field."""
    words = pipeline.commands[0].words
    field = words[0] if len(pipeline.commands) == 1 and len(words) == 1 else None
    return field.names[-1] if isinstance(field, Field) and field.names else ""


def _source(node: Node) -> str:
    if isinstance(node, Field):
        return ("" if node.base is None else _source(node.base)) + "".join(f".{name}" for name in node.names)
    return node.name if isinstance(node, (Variable, Name)) else repr(getattr(node, "value", "…"))


def _items(value: Any) -> list[tuple[Any, Any]]:
    if value is None:
        return []
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return [(i, i) for i in range(value)]
    raise TemplateError(f"range can't iterate over {printed(value)}")

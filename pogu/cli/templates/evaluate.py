"""Running a template's tree over a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pogu.cli.templates.functions import FUNCTIONS, go_type
from pogu.cli.templates.syntax import (
    Branch,
    Command,
    Field,
    Jump,
    Literal,
    Name,
    Node,
    Output,
    ParseError,
    Pipeline,
    TemplateError,
    Text,
    Variable,
    parse,
    source,
)
from pogu.cli.templates.values import OPTIONAL, Struct, looks_like_struct, printed, printed_null, truth

_NOTHING = object()


class Template:
    """A parsed template; `render` may be called many times."""

    def __init__(self, text: str, name: str = "") -> None:
        """`name` is for errors. Raises ParseError."""
        self._text = text
        self._name = name
        try:
            self._nodes = parse(text, FUNCTIONS)
        except ParseError as e:
            e.message = e.message.replace("template: :", f"template: {name}:", 1)
            raise

    def render(self, value: Any, functions: Mapping[str, Callable[..., Any]] = FUNCTIONS) -> str:
        """Return the text for `value` (JSON types; what can be called is a method). Raises TemplateError."""
        run = _Run(value, self._text, self._name, functions)
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
    def __init__(self, root: Any, text: str, name: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.out: list[str] = []
        self._text = text
        self._name = name
        self._functions = functions
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
                name = _last_name(node.pipeline)
                self.out.append(printed(value, name) if value is not None else printed_null(name))
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
            return self._call(command, dot, piped)
        value = self._value(first, dot, method=bool(rest))
        if callable(value):
            return value(*(self._value(word, dot) for word in rest))
        if rest or piped is not _NOTHING:
            raise self._error(command.at, source(first), f"can't give argument to non-function {source(first)}")
        return value

    def _type(self, value: Any) -> str:
        """Return the name of a value's type: in plain JSON every value is any to Go."""
        return go_type(value) if isinstance(self._scopes[0]["$"], Struct) else "interface {}"

    def _error(self, at: int, node: str, reason: str) -> TemplateError:
        """Return an error at an offset of the template, as Go words it."""
        before = self._text[:at]
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2].encode())
        where = f'template: {self._name}:{line}:{column}: executing "{self._name}" at <{node}>'
        return TemplateError(f"{where}: {reason}")

    def _call(self, command: Command, dot: Any, piped: Any) -> Any:
        name, words = command.words[0], command.words[1:]
        assert isinstance(name, Name)
        return self._called(name.name, words, dot, piped, command)

    def _called(self, name: str, words: Sequence[Node], dot: Any, piped: Any, command: Command) -> Any:
        if name in {"and", "or"}:
            return self._lazily(name, words, dot, piped)
        function = self._functions[name]
        arguments = [self._value(word, dot) for word in words]
        if piped is not _NOTHING:
            arguments.append(piped)
        try:
            return function(*arguments)
        except TypeError as e:
            raise self._error(command.at, name, f"wrong arguments for {name}: {e}") from e
        except TemplateError as e:
            if e.message.startswith("template: "):
                raise
            raise self._error(command.at, source(command), e.message) from e

    def _lazily(self, name: str, words: Sequence[Node], dot: Any, piped: Any) -> Any:
        """`and` and `or` stop at the first argument that decides (Go 1.18)."""
        value: Any = None
        for word in words:
            value = self._value(word, dot)
            if truth(value) == (name == "or"):
                return value
        return value if piped is _NOTHING else piped

    def _value(self, node: Node, dot: Any, *, method: bool = False) -> Any:
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Field):
            value = dot if node.base is None else self._value(node.base, dot)
            for name in node.names:
                value = self._member(value, name, node)
            if callable(value) and not method:
                raise self._error(node.at, source(node), f"wrong number of args for {node.names[-1]}: want 1 got 0")
            return value
        if isinstance(node, Variable):
            for scope in reversed(self._scopes):
                if node.name in scope:
                    return scope[node.name]
            raise TemplateError(f'template: :1: undefined variable "{node.name}"')
        if isinstance(node, Pipeline):
            return self._pipeline(node, dot)
        if isinstance(node, Name):
            return self._called(node.name, (), dot, _NOTHING, Command([node]))
        raise TemplateError("template: :1: unexpected operand")

    def _member(self, value: Any, name: str, node: Field) -> Any:
        """Return a field: the name as the API has it, or in the case that Go's struct has (`.ID` for `Id`)."""
        if value is None:
            raise self._error(node.at, source(node), f'nil data; no entry for key "{name}"')
        if not isinstance(value, dict):
            raise self._error(node.at, source(node), f"can't evaluate field {name} in type {self._type(value)}")
        if name in value:
            return value[name]
        lowered = name.lower()
        for key in value:
            if key.lower() == lowered:
                return value[key]
        if isinstance(value, Struct):
            raise self._error(node.at, source(node), f"can't evaluate field {name} in type {value.kind}")
        if looks_like_struct(value) and name in OPTIONAL:
            return OPTIONAL[name]
        if looks_like_struct(value):
            raise self._error(node.at, source(node), f'map has no entry for key "{name}"')
        return None


def _last_name(pipeline: Pipeline) -> str:
    """Return the name of the field that a pipeline is, "" where it is more than a field."""
    words = pipeline.commands[0].words
    field = words[0] if len(pipeline.commands) == 1 and len(words) == 1 else None
    return field.names[-1] if isinstance(field, Field) and field.names else ""


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

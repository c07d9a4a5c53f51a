"""Go templates as `--format` takes them (Go's text/template, and the functions the docker command adds).

`Template(text).render(value)` is what there is to call; errors are `TemplateError`, and `ParseError` where the text is
wrong. A `Struct` is a value whose fields are all known, a `Row` one with methods.
"""

from pogu.cli.templates.evaluate import Template
from pogu.cli.templates.syntax import ParseError, TemplateError
from pogu.cli.templates.values import Row, Struct

__all__ = ["ParseError", "Row", "Struct", "Template", "TemplateError"]

"""Go templates as `--format` takes them (Go's text/template, and the functions the docker command adds).

`Template(text).render(value)` is all there is to call; errors are `TemplateError`.
"""

from pogu.cli.templates.evaluate import Template
from pogu.cli.templates.syntax import TemplateError

__all__ = ["Template", "TemplateError"]

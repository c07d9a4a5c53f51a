"""One checker for users and tests: the records against the disk against the kernel.

`verify` looks at everything and returns a Report; with `repair` it also puts right what can be without any risk to
data, and says what it did. A file for each kind of thing finds the problems; `rounds` decides which of them are real on
a machine where containers come and go meanwhile.
"""

from pogu.engine.verification.problem import Problem, Report
from pogu.engine.verification.rounds import verify

__all__ = ["Problem", "Report", "verify"]

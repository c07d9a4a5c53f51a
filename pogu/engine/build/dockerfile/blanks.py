"""What counts as blank in a Dockerfile."""

from __future__ import annotations

import re

BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Characters with the property White_Space of Unicode, which Go's `unicode.IsSpace` goes by; Python's `isspace` has
four more."""
SEPARATOR = re.compile(r"[\t\v\f\r ]+")
"""What separates the words of instructions that know no quotes."""

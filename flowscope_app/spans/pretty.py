"""Indenting JSON as text, so that no number, key or escape comes out other than it went in."""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def indented(text: str) -> str:
    """Well-formed JSON over several lines, two spaces a level; takes about a second for 2 MB."""
    out: list[str] = []
    depth = 0
    before = ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        closing = token in ("}", "]")
        depth -= closing
        opened = before in ("{", "[")
        if (opened and not closing) or (closing and not opened) or before == ",":
            out.append("\n" + "  " * depth)
        elif before == ":":
            out.append(" ")
        out.append(token)
        depth += token in ("{", "[")
        before = token
    return "".join(out)

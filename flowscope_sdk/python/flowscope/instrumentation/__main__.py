"""`python -m flowscope.instrumentation`: as JSON, what would be instrumented in this interpreter and why not."""

from __future__ import annotations

import os
import sys

import orjson

from flowscope import instrumentation


def main() -> None:
    """Print one object an integration."""
    instrumentation.activate(os.environ.get("FLOWSCOPE_AUTO", "all").split(","))
    rows = [row._asdict() for row in instrumentation.status()]
    sys.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()

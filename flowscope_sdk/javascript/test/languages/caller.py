"""Asks the Node service twice inside one span; the second time something goes wrong far behind it."""

import sys

import flowscope.auto  # noqa: F401
import httpx

with flowscope.trace("ask", kind="agent"):
    for what in ("fine", "broken"):
        print(httpx.get(f"{sys.argv[1]}/{what}", timeout=300).status_code, flush=True)

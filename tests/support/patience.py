"""How long anything is waited for: to wait costs nothing where all is well, and a machine may be slow and busy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

PATIENCE = float(os.environ.get("FLOWSCOPE_PATIENCE", 100))
"""Seconds until something that should have happened counts as never to happen. Set FLOWSCOPE_PATIENCE for another."""
PATIENCE_MS = int(1000 * PATIENCE)
OUTLASTS = 10 * PATIENCE
"""Seconds that a program may wait which must not wait that long: a test that runs it has given up before."""


def wait_until(holds: Callable[[], bool], why: Callable[[], object] = lambda: "in vain") -> None:
    """Look until it holds; `why` says in a failure what is there instead."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.01)

"""Ports of the loopback that are one test's own while it runs, whoever else tests on this machine."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

# Below those that systems give to connections going out: one of these could take a port between two looks at it.
_FIRST, _COUNT = 12_000, 18_000
_turns = itertools.count(os.getpid() * 211)  # processes begin apart from one another


@contextmanager
def free_ports(count: int) -> Iterator[int]:
    """The first of `count` ports side by side that nobody listens on, and no other test is given within the block."""
    for _ in range(_COUNT):
        first = _FIRST + next(_turns) * count % _COUNT
        with ExitStack() as held:
            if all(_hold(held, first + place) for place in range(count)):
                yield first
                return
    raise RuntimeError(f"no {count} free ports beside each other")


def _hold(held: ExitStack, port: int) -> bool:
    """Take a port so that other tests see it; TCP, which the test wants, is left free."""
    mark = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with socket.socket() as probe:
        try:
            mark.bind(("127.0.0.1", port))
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True

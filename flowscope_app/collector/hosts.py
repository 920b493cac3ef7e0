"""Which host stands in an address for what listens on all of them: seen from here, and from another machine."""

from __future__ import annotations

import contextlib
import re
import socket

_EVERYWHERE = re.compile(r"tcp://(\*|0\.0\.0\.0|\[::\]):")
# Nothing is sent there: the system only says from which of its addresses it would be.
_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def here(addr: str) -> str:
    """`addr` as a program on this machine connects to it."""
    found = _EVERYWHERE.match(addr)
    if found is None:
        return addr
    host = "[::1]" if found[1] == "[::]" else "127.0.0.1"
    return f"tcp://{host}:{addr[found.end() :]}"


def elsewhere(addr: str) -> str:
    """`addr` as a program on another machine connects to it, as well as can be told from here."""
    found = _EVERYWHERE.match(addr)
    if found is None:
        return addr
    families = [socket.AF_INET6, socket.AF_INET] if found[1] == "[::]" else [socket.AF_INET]
    for family in families:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_OUTSIDE[family], 9))
            host = str(probe.getsockname()[0])
            return f"tcp://{f'[{host}]' if ':' in host else host}:{addr[found.end() :]}"
    return f"tcp://{socket.gethostname()}:{addr[found.end() :]}"

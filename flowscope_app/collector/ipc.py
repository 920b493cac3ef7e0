"""ipc:// addresses: a socket file in a folder that only its user may enter, taken from nobody who has it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from flowscope.protocol import control_addr
from flowscope_app.collector import keys
from flowscope_app.collector.errors import ListenError
from flowscope_app.store.lock import Held, PidLock

_ELSEWHERE = "choose another with --addr"
_ANSWER_S = 1.0


def path_of(endpoint: str) -> Path:
    """The socket file of an ipc:// endpoint."""
    return Path(endpoint.removeprefix("ipc://"))


def claim(endpoint: str) -> PidLock:
    """The right to an ipc path: a second bind would take it away from the first without a word.

    Makes the folder for this user alone; one that others may enter is refused. A socket file that is left over is no
    obstacle. Raises ListenError.
    """
    path = path_of(endpoint)
    if path.name in ("", "*") or str(path).startswith("@"):
        raise ListenError(f"{endpoint} is no path of a file, which alone keeps other users out", _ELSEWHERE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            keys.check(path.parent)
        except ListenError as error:
            hint = f"name a folder that does not exist yet, and it is made so: {_inside(path)}"
            raise ListenError(f"{endpoint}: {error.message}, so others could get in its way", hint) from None
        lock = PidLock(path.with_name(path.name + ".lock"))
    except Held as error:
        who = f"the collector with pid {error.pid}" if error.pid else "another collector"
        raise ListenError(f"{endpoint} is in use by {who}", f"stop it, or {_ELSEWHERE}") from None
    except OSError as error:
        raise ListenError(f"{endpoint} can't be listened on: {error.strerror or error}") from None
    try:
        for each in (endpoint, control_addr(endpoint)):
            _check_free(each)
    except BaseException:
        lock.release()
        raise
    return lock


def _inside(path: Path) -> str:
    return f"ipc://{path.parent / 'flowscope' / path.name}"


def _check_free(endpoint: str) -> None:
    """Refuse what ZeroMQ would remove without asking: a file that is no socket, or one that somebody listens on."""
    path = path_of(endpoint)
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} is there already and is no socket", _ELSEWHERE)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError:
            pass  # somebody is there, and busy
    raise ListenError(f"{endpoint} is in use by another program", f"stop it, or {_ELSEWHERE}")

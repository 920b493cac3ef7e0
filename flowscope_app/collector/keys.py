"""The collector's keys for CURVE: made on first use, kept where only their owner can read them."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from filelock import FileLock
from zmq.utils import z85

from flowscope_app.base.paths import home
from flowscope_app.collector.errors import ListenError

FOLDER_NAME = "keys"
FILE_NAME = "collector.secret"
_NOTE = "# The secret key of this user's FlowScope collector: who has it can pose as it. Delete it to get a new one.\n"
_MAX_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Keys:
    """A CURVE key pair, 32 bytes each. Whoever knows `public` may push; it is what addresses name."""

    public: bytes = field(repr=False)
    secret: bytes = field(repr=False)


def folder() -> Path:
    """Where the keys are."""
    return home() / FOLDER_NAME


def load() -> Keys:
    """The keys, made if there are none. Raises ListenError if others can read them, or they can't be made or read."""
    if not zmq.has("curve"):
        raise ListenError("this ZeroMQ has no CURVE, without which other machines can't be let in", "pip install pyzmq")
    file = folder() / FILE_NAME
    try:
        home().mkdir(parents=True, exist_ok=True, mode=0o700)
        folder().mkdir(exist_ok=True, mode=0o700)
        check(folder())
        with FileLock(folder() / ".lock", timeout=10):
            if not os.path.lexists(file):
                _make(file)
            return _read(file)
    except OSError as error:  # filelock's Timeout is one too
        raise ListenError(f"the keys in {folder()} can't be used: {error.strerror or error}") from None


def trouble() -> str:
    """What is wrong with the keys there are, in one line; "" if nothing is."""
    try:
        if folder().exists():
            check(folder())
        if os.path.lexists(folder() / FILE_NAME):
            _read(folder() / FILE_NAME)
    except ListenError as error:
        return str(error)
    except OSError as error:
        return f"the keys in {folder()} can't be read: {error.strerror or error}"
    return ""


def check(path: Path, found: os.stat_result | None = None) -> None:
    """Raise ListenError if `path`, a file or folder, is another user's or open to others."""
    if os.name != "posix":
        return  # there the profile's folder keeps others out
    found = found or path.stat()
    if found.st_uid != os.geteuid():
        raise ListenError(f"{path} belongs to another user", "it must be yours: remove it, or set FLOWSCOPE_HOME")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise ListenError(f"{path} is open to other users (mode {mode:04o})", f"chmod {wanted} {path}")


def _make(file: Path) -> None:
    """Write a new secret key, whole or not at all. zmq.auth.create_certificates would make it readable by all."""
    _, secret = zmq.curve_keypair()
    handle, name = tempfile.mkstemp(prefix=FILE_NAME, dir=file.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f"{_NOTE}{secret.decode()}\n")
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(file: Path) -> Keys:
    with file.open("rb") as opened:
        check(file, os.fstat(opened.fileno()))
        lines = opened.read(_MAX_BYTES).splitlines()
    try:
        secret = lines[-1].strip()
        public = zmq.curve_public(secret)
        return Keys(z85.decode(public), z85.decode(secret))
    except (IndexError, ValueError, zmq.ZMQError, TypeError, AssertionError):
        raise ListenError(f"{file} is no key of FlowScope's", "delete it to have a new one made") from None

"""Where to push: the addresses that FLOWSCOPE_ADDR and --addr take."""

import re
from dataclasses import dataclass, field
from typing import Literal

from flowscope.protocol.errors import AddressError, visible

DEFAULT_ADDR = "tcp://127.0.0.1:3569"
CONTROL_SUFFIX = ".control"
MAX_IPC_PATH = 95
"""Longest ipc path in bytes: what macOS takes (103) with the control channel's suffix behind it."""

Transport = Literal["tcp", "ipc", "file", "off"]
_KEY = "?key="
_URL_SAFE = str.maketrans("-_", "+/")
_TO_URL_SAFE = str.maketrans("+/", "-_")
_TCP = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|\*|[A-Za-z0-9._-]+):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address.

    `endpoints` are what ZeroMQ connects to or binds (none for file and off); `transport` is that of the first;
    `path` is where a file:// address records. `keys` are the endpoints that have one, each with its key; whoever
    knows a collector's key may push to it, so it is kept out of what is printed.
    """

    transport: Transport
    endpoints: tuple[str, ...] = ()
    path: str = ""
    keys: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def key(self, endpoint: str) -> bytes:
        """The CURVE public key (32 bytes) of the collector at `endpoint`; empty where it has none."""
        return dict(self.keys).get(endpoint, b"")

    @property
    def loopback(self) -> bool:
        """Whether nothing sent here leaves this machine."""
        return all(_is_loopback(endpoint) for endpoint in self.endpoints)


def parse_addr(text: str) -> Address:
    """Parse `tcp://HOST:PORT[?key=KEY]` or `ipc://PATH` (several, comma-separated), `file:///PATH` or `off`.

    Raises AddressError, one line that names the part at fault and what it should be.
    """
    text = text.strip()
    if text.lower() == "off":
        return Address("off")
    if text.startswith("file:"):
        return Address("file", (), _file_path(text))
    parts = [split_key(part.strip()) for part in text.split(",")]
    found = [(_endpoint(part, text), key) for part, key in parts]
    endpoints = tuple(dict.fromkeys(endpoint for endpoint, _ in found))
    keys = tuple(dict.fromkeys((endpoint, key) for endpoint, key in found if key))
    if len(dict(keys)) != len(keys):
        raise _error(text, "gives one collector two keys")
    return Address("tcp" if endpoints[0].startswith("tcp:") else "ipc", endpoints, keys=keys)


def split_key(text: str) -> tuple[str, bytes]:
    """Split one address into what ZeroMQ connects to and the key, 32 bytes, or none: `tcp://HOST:PORT?key=KEY`."""
    endpoint, mark, key = text.partition(_KEY) if text.startswith("tcp://") else (text, "", "")
    if not mark:
        return text, b""
    from binascii import a2b_base64

    found = a2b_base64(key.translate(_URL_SAFE) + "=") if re.fullmatch(r"[A-Za-z0-9_-]{43}", key, re.ASCII) else b""
    if with_key("", found) != mark + key:
        raise _error(text, "has a key that is not whole; it is 43 characters of A-Z, a-z, 0-9, - and _")
    return endpoint, found


def with_key(endpoint: str, key: bytes) -> str:
    """Write the address of an endpoint with a key; without one (b"") the endpoint is the address."""
    if not key:
        return endpoint
    from binascii import b2a_base64

    return f"{endpoint}{_KEY}{b2a_base64(key, newline=False).decode().translate(_TO_URL_SAFE).rstrip('=')}"


def hide_key(text: str) -> str:
    """`text`, an address or several, as it may be logged and reported: its keys replaced by `...`."""
    return re.sub(r"(\?key=)[^,\s]*", r"\1...", text)


def control_addr(endpoint: str) -> str:
    """Return the control channel beside a data endpoint: the next tcp port, or the ipc path with `.control`.

    A key stays what it is: both channels have the same.
    """
    if endpoint.startswith("ipc://"):
        return endpoint + CONTROL_SUFFIX
    bare, mark, key = endpoint.partition(_KEY)
    host, _, port = bare.removeprefix("tcp://").rpartition(":")
    if not endpoint.startswith("tcp://") or not port.isdecimal():
        raise _error(endpoint, "has no control channel; only tcp:// and ipc:// have one")
    return f"tcp://{host}:{int(port) + 1}{mark}{key}"


def _endpoint(part: str, whole: str) -> str:
    if part.startswith("tcp://"):
        found = _TCP.fullmatch(part.removeprefix("tcp://"))
        if found is None:
            raise _error(part, "must be tcp://HOST:PORT")
        port = int(found[2])
        if not 1 <= port <= 65534:
            raise _error(part, "must have a port from 1 to 65534 (the one after it is the control channel's)")
        return f"tcp://{found[1]}:{port}"
    if part.startswith("ipc://"):
        path = part.removeprefix("ipc://")
        if not path or "\0" in path:
            raise _error(part, "must be ipc://PATH")
        if len(path.encode("utf-8", "surrogateescape")) > MAX_IPC_PATH:
            raise _error(part, f"has a path of more than {MAX_IPC_PATH} bytes, the most a socket may have")
        return part
    if part.lower() == "off" or part.startswith("file:"):
        raise _error(whole, "mixes off or file:// with another address")
    raise _error(part or whole, "must begin with tcp://, ipc:// or file:///, or be off")


def _file_path(text: str) -> str:
    """Return the path of file:///PATH; file:///C:/PATH is a path on a Windows drive."""
    from urllib.parse import unquote  # only needed here, and a host program pays for each import

    found = re.fullmatch(r"file://(?:localhost)?(/.+)", text, re.DOTALL)
    path = unquote(found[1]) if found else ""
    if not path or "\0" in path or path.endswith("/"):
        raise _error(text, "must be file:///PATH of a file, with three slashes and a full path")
    return path[1:] if re.match(r"/[A-Za-z]:[/\\]", path) else path


def _is_loopback(endpoint: str) -> bool:
    if endpoint.startswith("ipc://"):
        return True
    host = endpoint.removeprefix("tcp://").rpartition(":")[0]
    return host in ("localhost", "[::1]") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def _error(text: str, what: str) -> AddressError:
    return AddressError(f'address "{visible(hide_key(text), 120)}" {what}')

"""The collector's two sockets: bound where asked, or refused in one line that says who is in the way."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass

import psutil
import zmq

from flowscope.protocol import AddressError, control_addr, hide_key, parse_addr, with_key
from flowscope_app.collector import ipc, keys
from flowscope_app.collector.decode import SOCKET_MAX_FRAME
from flowscope_app.collector.errors import ListenError
from flowscope_app.store.lock import PidLock

RECEIVE_HWM = 1_000
"""Messages of each producer that wait in this process's memory; beyond that they wait in the producer's."""
CONTROL_MAX_FRAME = 1 << 20
HANDSHAKE_MS = 1_000
KEEPALIVE = (
    (zmq.TCP_KEEPALIVE, 1),
    (zmq.TCP_KEEPALIVE_IDLE, 15),
    (zmq.TCP_KEEPALIVE_INTVL, 5),
    (zmq.TCP_KEEPALIVE_CNT, 3),
)
"""The kernel asks a silent peer after 15 s whether it is there, and three times more."""
EPHEMERAL_TRIES = 50
# With a domain set libzmq takes no peer that speaks less than ZMTP 3: a web page's POST would be one.
ZAP_DOMAIN = b"flowscope"


@dataclass(slots=True)
class Sockets:
    """Bound sockets, and the addresses they really have, with the key that programs need if there is one."""

    context: zmq.Context[zmq.Socket[bytes]]
    data: zmq.Socket[bytes]
    control: zmq.Socket[bytes]
    addr: str
    control_addr: str
    lock: PidLock | None = None

    def close(self) -> None:
        """Close both; what is queued for a peer has half a second to leave."""
        self.data.close(linger=0)
        self.control.close(linger=500)
        self.context.term()
        if self.lock is not None:
            self.lock.release()


def listen(addr: str, *, curve: bool = False) -> Sockets:
    """Bind PULL at `addr` and ROUTER beside it. Raises ListenError.

    Where other machines can reach it, or with `curve`, both take only who knows this collector's key, which is made
    on first use. Port 0 takes any two free ports that are neighbours; the addresses returned are the real ones.
    """
    endpoint, ephemeral, loopback, given = _checked(addr)
    pair = keys.load() if given or not loopback or (curve and endpoint.startswith("tcp://")) else None
    if pair is not None and given not in (b"", pair.public):
        raise ListenError(f"the key in {hide_key(addr)} is not this collector's own", "leave ?key=... out")
    lock = ipc.claim(endpoint) if endpoint.startswith("ipc://") else None
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        for left in reversed(range(EPHEMERAL_TRIES if ephemeral else 1)):
            try:
                return _bind(context, endpoint, lock, pair)
            except _ControlTaken:
                if not left:
                    raise
        raise AssertionError("unreachable")
    except BaseException:
        context.destroy(linger=0)
        if lock is not None:
            lock.release()
        raise


class _ControlTaken(ListenError):  # noqa: N818 - it says what is so
    pass


def _bind(
    context: zmq.Context[zmq.Socket[bytes]], endpoint: str, lock: PidLock | None, pair: keys.Keys | None
) -> Sockets:
    data = _socket(context, zmq.PULL, endpoint, SOCKET_MAX_FRAME, pair)
    data.setsockopt(zmq.RCVHWM, RECEIVE_HWM)
    control = _socket(context, zmq.ROUTER, endpoint, CONTROL_MAX_FRAME, pair)
    # It is known when a peer has gone, also where its machine was cut off without a word.
    control.setsockopt(zmq.ROUTER_MANDATORY, 1)
    for option, value in KEEPALIVE:
        control.setsockopt(option, value)
    key = pair.public if pair else b""
    try:
        _bind_one(data, endpoint)
        addr = _last_endpoint(data)
        try:
            _bind_one(control, control_addr(addr))
        except ListenError as error:
            raise _ControlTaken(f"the control channel beside {addr}: {error.message}", error.hint) from None
        return Sockets(context, data, control, with_key(addr, key), with_key(_last_endpoint(control), key), lock)
    except BaseException:
        data.close(linger=0)
        control.close(linger=0)
        raise


def _socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, endpoint: str, max_frame: int, pair: keys.Keys | None
) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN)
    if pair is not None:
        # No ZAP handler is asked on top of it: to know the key is all that a program must show (docs/security.md).
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, max_frame)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    return socket


def _bind_one(socket: zmq.Socket[bytes], endpoint: str) -> None:
    try:
        socket.bind(endpoint)
        if endpoint.startswith("ipc://"):
            ipc.path_of(endpoint).chmod(0o600)
    except zmq.ZMQError as error:
        raise _explained(endpoint, error) from None


def _last_endpoint(socket: zmq.Socket[bytes]) -> str:
    found = socket.getsockopt(zmq.LAST_ENDPOINT)
    return found.rstrip(b"\0").decode() if isinstance(found, bytes) else ""


def _checked(addr: str) -> tuple[str, bool, bool, bytes]:
    """The endpoint to bind, whether its port is for the system to choose, whether it is loopback; the key given."""
    host, _, port = addr.rpartition(":")
    ephemeral = host.startswith("tcp://") and port in ("0", "*")
    try:
        address = parse_addr(f"{host}:1" if ephemeral else addr)
    except AddressError as error:
        raise ListenError(error.reason) from None
    if address.transport not in ("tcp", "ipc") or len(address.endpoints) != 1:
        raise ListenError(
            f"{hide_key(addr)} is not one address to listen on", "give tcp://127.0.0.1:PORT or ipc://PATH"
        )
    endpoint = address.endpoints[0].replace("tcp://localhost:", "tcp://127.0.0.1:")
    if ephemeral:
        endpoint = f"{endpoint.rpartition(':')[0]}:*"
    return endpoint, ephemeral, address.loopback, address.key(address.endpoints[0])


def _explained(endpoint: str, error: zmq.ZMQError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"{endpoint} is in use by {holder(int(endpoint.rpartition(':')[2]))}",
            "stop it, or choose another with --addr",
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        return ListenError(f"{endpoint}: this machine has no such address", "use tcp://127.0.0.1:PORT")
    return ListenError(f"{endpoint} can't be listened on: {os.strerror(error.errno or 0)}", "use --addr")


def holder(port: int) -> str:
    """Who listens on a tcp port, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr and entry.laddr.port == port and entry.pid:
                return f"{psutil.Process(entry.pid).name()} (pid {entry.pid})"
    return "another program"

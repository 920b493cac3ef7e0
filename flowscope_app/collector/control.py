"""The control channel: commands as JSON objects, answered with {"ok": true, ...} or {"ok": false, "error": ...}."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import zmq

from flowscope.protocol import MAX_ID, SUPPORTED_VERSIONS
from flowscope_app.base.errors import FlowScopeError
from flowscope_app.base.format import one_line
from flowscope_app.collector import connection
from flowscope_app.collector.acks import Acks
from flowscope_app.collector.pulse import Pulse, beat_of
from flowscope_app.collector.tasks import Tasks
from flowscope_app.store import StoreWriter

MAX_COMMANDS = 100
"""Commands answered before spans are read again."""
OPEN = frozenset({"hello", "beat", "status"})
"""What anybody may ask who reaches the channel; every other command needs the token of the connection file."""
PRIVATE = ("db", "imports")
"""What those are told only with the token: paths of this user's files."""

logger = logging.getLogger("flowscope.collector")

Reply = dict[str, Any]


class Send:
    """The way back to who gave a command; `number` is the "id" of the command, if it has one."""

    def __init__(self, socket: zmq.Socket[bytes], envelope: list[bytes]) -> None:
        self.envelope = envelope
        self.number: object = None
        self._socket = socket

    def __call__(self, reply: Reply) -> None:
        answer = {"ok": True, **reply} if self.number is None else {"ok": True, **reply, "id": self.number}
        # A peer that has gone, or does not read, gets no answer; that is its own affair.
        with contextlib.suppress(zmq.ZMQError):
            self._socket.send_multipart([*self.envelope, orjson.dumps(answer)], zmq.NOBLOCK)


class CommandError(FlowScopeError):
    """The command can't be done as it was given."""


class Control:
    """Answers what comes in on the ROUTER. A peer may be a REQ or a DEALER socket."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        writer: StoreWriter,
        tasks: Tasks,
        acks: Acks,
        pulse: Pulse,
        *,
        token: str,
        identity: Callable[[], Reply],
        status: Callable[[], Reply],
        stop: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._writer = writer
        self._tasks = tasks
        self._acks = acks
        self._pulse = pulse
        self._identity = identity
        self._token = token.encode()
        self._stop = stop
        self._commands: dict[str, Callable[[Reply, Send], Reply | None]] = {
            "hello": self._hello,
            "beat": self._beat,
            "status": lambda _request, _send: status(),
            "delete_session": self._delete_session,
            "rename_session": self._rename_session,
            "pin_session": self._pin_session,
            "import": self._import,
            "progress": self._progress,
            "cancel": self._cancel,
            "stop": self._stop_soon,
        }

    def serve(self) -> None:
        """Answer what has come in, never waiting for anybody."""
        for _ in range(MAX_COMMANDS):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) < 2:
                continue
            envelope = frames[:2] if len(frames) > 2 and not frames[1] else frames[:1]
            self._answer(envelope, frames[-1])

    def _answer(self, envelope: list[bytes], body: bytes) -> None:
        send = Send(self._socket, envelope)
        try:
            request = orjson.loads(body)
            if not isinstance(request, dict) or not isinstance(request.get("cmd"), str):
                raise CommandError('a command is an object with a "cmd"')
            send.number = request.get("id")
            command = self._commands.get(request["cmd"])
            if command is None:
                raise CommandError(f"unknown command {request['cmd'][:40]!r}", "known: " + ", ".join(self._commands))
            trusted = self._trusts(request)
            if request["cmd"] not in OPEN and not trusted:
                hint = f"it stands in {connection.path()}, which only this collector's user can read"
                raise CommandError(f"{request['cmd']} needs the token of this collector", hint)
            reply = command(request, send)
            if reply is not None and not trusted:
                reply = {name: value for name, value in reply.items() if name not in PRIVATE}
            if reply is not None:
                send(reply)
        except orjson.JSONDecodeError:
            send({"ok": False, "error": "a command is a JSON object"})
        except FlowScopeError as error:
            send({"ok": False, "error": str(error)})
        except Exception as error:
            logger.exception("a command failed")
            send({"ok": False, "error": f"{type(error).__name__}: {error}"})

    def _hello(self, request: Reply, send: Send) -> Reply:
        """Who this is. A producer that names itself hears how far it is stored, now and after each commit."""
        if "producer" not in request:
            return self._identity()
        producer, first = _text(request, "producer"), request.get("first", 1)
        if len(producer) > MAX_ID or type(first) is not int or first < 1:
            raise CommandError(f'"producer" has up to {MAX_ID} characters, and "first" is a number from 1')
        spoken = request.get("protocol", [1])
        if not isinstance(spoken, list) or not set(SUPPORTED_VERSIONS).intersection(filter(_is_whole, spoken)):
            known = ", ".join(map(str, SUPPORTED_VERSIONS))
            raise CommandError(f"protocol version {one_line(str(spoken), 40)} is not spoken here (spoken: {known})")
        secret = request.get("secret")
        stored = self._acks.greet(producer, secret if isinstance(secret, str) else "", first, send.envelope)
        self._pulse.greeted(producer)
        return {
            **self._identity(),
            "producer": producer,
            "watermark": stored.watermark,
            "dropped": stored.dropped,
        }

    def _beat(self, request: Reply, send: Send) -> None:
        """A producer shows that it lives. Not answered; not heard from anybody else than who is told of it."""
        producer = _text(request, "producer")
        if self._acks.hears(producer, send.envelope):
            self._pulse.heard(producer, beat_of(request))

    def _trusts(self, request: Reply) -> bool:
        token = request.get("token")
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self._token)

    def _delete_session(self, request: Reply, _send: Send) -> Reply:
        session = _text(request, "session")
        if not self._writer.delete_session(session):
            raise CommandError(f"there is no session {session[:80]!r}")
        self._tasks.sweep()
        return {}

    def _rename_session(self, request: Reply, _send: Send) -> Reply:
        session = _text(request, "session")
        if not self._writer.rename_session(session, _text(request, "name", empty=True)):
            raise CommandError(f"there is no session {session[:80]!r}")
        return {}

    def _pin_session(self, request: Reply, _send: Send) -> Reply:
        """{"session": id, "pinned": true or false}; without "pinned" it is pinned."""
        session, pinned = _text(request, "session"), request.get("pinned", True)
        if not isinstance(pinned, bool):
            raise CommandError('"pinned" is true or false')
        if not self._writer.pin_session(session, pinned):
            raise CommandError(f"there is no session {session[:80]!r}")
        return {}

    def _import(self, request: Reply, send: Send) -> Reply | None:
        """Answered when it is done, or with "wait": false at once; `progress` tells how it goes."""
        path = Path(_text(request, "path"))
        if not path.is_absolute():
            raise CommandError("the path of an import must be absolute")
        wait = request.get("wait", True)
        reply = self._tasks.add_import(path, send if wait else None)
        return None if wait else reply

    def _progress(self, request: Reply, _send: Send) -> Reply:
        number = request.get("task")
        reply = self._tasks.progress(number) if isinstance(number, int) else None
        if reply is None:
            raise CommandError(f"there is no import with number {str(number)[:20]}")
        return {**reply, "ok": True, "error": reply.get("error", "")}

    def _cancel(self, request: Reply, _send: Send) -> Reply:
        """{"task": number of an import that is not done}: nothing of it stays."""
        number = request.get("task")
        if not isinstance(number, int) or not self._tasks.cancel(number):
            raise CommandError(f"there is no import under way with number {str(number)[:20]}")
        return {}

    def _stop_soon(self, _request: Reply, _send: Send) -> Reply:
        self._stop()
        return {}


def _is_whole(value: object) -> bool:
    return type(value) is int


def _text(request: Reply, name: str, *, empty: bool = False) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise CommandError(f'the command needs a text "{name}"')
    return value

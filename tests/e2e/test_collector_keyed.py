"""Who may push and who may command: a key where other machines can reach the collector, a token for its commands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import zmq
from patience import OUTLASTS, PATIENCE, PATIENCE_MS
from zmq.utils import z85

from flowscope.protocol import parse_addr, split_key, with_key
from flowscope_app.collector import client, connection
from flowscope_app.collector.errors import NoAnswer
from flowscope_app.collector.hosts import elsewhere, here

PROGRAM = "import flowscope\nwith flowscope.trace('op') as span: span.output = 1\n"


def record(number: int, session_id: str = "s") -> bytes:
    return orjson.dumps(
        {
            "id": str(number),
            "session_id": session_id,
            "operation": "op",
            "start_time": "2026-11-22T15:11:42Z",
            "end_time": "2026-11-22T15:11:43Z",
        }
    )


class Push:
    """A PUSH socket of a program that has the collector's key, another one, or none."""

    def __init__(self, endpoint: str, key: bytes) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 50)
        if key:
            self._socket.setsockopt(zmq.CURVE_SERVERKEY, key)
            self._socket.curve_publickey, self._socket.curve_secretkey = zmq.curve_keypair()
        self._socket.connect(endpoint)

    def send(self, body: bytes) -> None:
        self._socket.send(body)

    def close(self) -> None:
        self._socket.close()
        self._context.term()


@pytest.fixture
def keyed(start_collector: Callable[..., Any], free_addr: str) -> Iterator[Any]:
    """A collector on every address of this machine."""
    return start_collector(addr=free_addr.replace("127.0.0.1", "0.0.0.0"))


def status(collector: Any) -> dict[str, Any]:
    return client.request(client.control_of(collector.addr), {"cmd": "status"}, PATIENCE)


def run(source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSCOPE_")}
    environment |= {
        "FLOWSCOPE_HOME": os.environ["FLOWSCOPE_HOME"],
        "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS),
        **variables,
    }
    command = [sys.executable, "-c", source]
    return subprocess.run(
        command, env={**environment, **variables}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize("seen_from", [here, elsewhere], ids=["loopback", "the machine's address"])
def test_the_right_key_lets_in(keyed: Any, seen_from: Callable[[str], str]) -> None:
    endpoint, key = split_key(seen_from(keyed.addr))
    with closing(Push(endpoint, key)) as push:
        push.send(record(1))
        keyed.wait_spans(1)
    assert status(keyed)["connections_refused"] == 0


@pytest.mark.parametrize("key", [b"", z85.decode(zmq.curve_keypair()[0])], ids=["no key", "a wrong key"])
def test_another_key_or_none_does_not_and_is_counted(keyed: Any, key: bytes) -> None:
    endpoint, right = split_key(elsewhere(keyed.addr))
    with closing(Push(endpoint, key)) as stranger, closing(Push(endpoint, right)) as push:
        stranger.send(record(1, "stranger"))
        keyed.wait_for(lambda reader: any(report.kind == "connection" for report in reader.reports()))
        push.send(record(2))
        keyed.wait_spans(1)
    assert status(keyed)["connections_refused"] >= 1
    with closing(keyed.reader()) as reader:
        assert [row.id for row in reader.sessions()] == ["s"]
        assert "key" in next(report.detail for report in reader.reports() if report.kind == "connection")


def test_a_web_page_s_post_is_not_let_in_there_either(keyed: Any) -> None:
    host, _, port = split_key(elsewhere(keyed.addr))[0].removeprefix("tcp://").rpartition(":")
    body = record(1, "web")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        keyed.wait_for(lambda reader: any(report.kind == "connection" for report in reader.reports()))
    with closing(keyed.reader()) as reader:
        assert reader.sessions() == []


def test_the_key_holds_over_a_restart_and_is_what_the_sdk_takes(
    start_collector: Callable[..., Any], free_addr: str
) -> None:
    everywhere = free_addr.replace("127.0.0.1", "0.0.0.0")
    first = start_collector(addr=everywhere)
    addr = elsewhere(first.addr)
    first.stop()
    again = start_collector(addr=everywhere, db=first.db)
    assert elsewhere(again.addr) == addr
    done = run(PROGRAM, FLOWSCOPE_ADDR=addr, FLOWSCOPE_SESSION="with-key", FLOWSCOPE_DEBUG="1")
    again.wait_spans(1)
    assert done.returncode == 0
    assert addr.partition("key=")[2] not in done.stderr
    assert "key=..." in done.stderr


def test_a_program_without_the_key_ends_in_time_and_says_what_is_missing(keyed: Any) -> None:
    endpoint, _ = split_key(elsewhere(keyed.addr))
    done = run(PROGRAM, FLOWSCOPE_ADDR=endpoint, FLOWSCOPE_DEBUG="1")
    assert done.returncode == 0
    assert f"{endpoint} is on another machine and the address has no key" in done.stderr
    done = run(PROGRAM, FLOWSCOPE_ADDR=with_key(endpoint, b"k" * 32), FLOWSCOPE_DEBUG="1")
    assert f"{endpoint} does not take this program: its key is another" in done.stderr
    with closing(keyed.reader()) as reader:
        assert reader.sessions() == []


def test_a_program_turned_away_is_let_in_once_the_right_collector_is_there(
    start_collector: Callable[..., Any], free_addr: str
) -> None:
    """ZeroMQ itself never comes back after such a refusal."""
    with zmq.Context() as context, context.socket(zmq.PULL) as other:
        other.setsockopt(zmq.CURVE_SERVER, 1)
        other.setsockopt(zmq.CURVE_SECRETKEY, zmq.curve_keypair()[1])
        other.bind(free_addr)
        source = PROGRAM + "print('traced', flush=True)\ninput()\nassert flowscope.flush(90)\n"
        program = subprocess.Popen(
            [sys.executable, "-c", source],
            env={**os.environ, "FLOWSCOPE_ADDR": free_addr, "FLOWSCOPE_DEBUG": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert program.stderr is not None
        while "does not take this program" not in program.stderr.readline():
            pass
    collector = start_collector(addr=free_addr)
    _, said = program.communicate("\n", timeout=PATIENCE)
    assert program.returncode == 0, said
    collector.wait_spans(1)


def test_run_finds_the_key_by_itself(keyed: Any) -> None:
    command = [sys.executable, "-m", "flowscope_app", "run", sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "FLOWSCOPE_FLUSH_TIMEOUT": str(OUTLASTS)}
    subprocess.run(command, env=environment, check=True, timeout=PATIENCE)
    keyed.wait_spans(1)


def test_the_line_names_what_other_machines_need(home: Path, free_addr: str) -> None:
    addr = free_addr.replace("127.0.0.1", "0.0.0.0")
    command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", addr, "--db", str(home / "a.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE) == 0
        said = process.stderr.read()
    assert re.fullmatch(rf"listening on {re.escape(addr)}\?key=[\w-]{{43}} - from other machines tcp://\S+\n", line)
    assert parse_addr(line.split()[-1]).keys
    secret = (home / "keys" / "collector.secret").read_text().splitlines()[-1]
    assert secret not in line + said


def test_no_secret_is_in_the_report_or_the_arguments_of_a_process(keyed: Any, home: Path) -> None:
    secret = (home / "keys" / "collector.secret").read_text().splitlines()[-1]
    running = connection.find()
    assert running is not None and len(running.token) > 20
    hidden = [secret, running.token, keyed.addr.partition("key=")[2]]
    environment = {**os.environ, "FLOWSCOPE_ADDR": here(keyed.addr)}
    command = [sys.executable, "-m", "flowscope_app", "doctor"]
    report = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert f"listening on {split_key(keyed.addr)[0]}?key=..." in report
    arguments = " ".join(psutil.Process(keyed.process.pid).cmdline())
    assert not [text for text in hidden if text in report or text in arguments or text in repr(running)]
    (home / "keys" / "collector.secret").chmod(0o644)
    report = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert "is open to other users (mode 0644)" in report


def test_a_key_that_others_can_read_is_not_used(home: Path, free_addr: str) -> None:
    (home / "keys").mkdir(mode=0o700)
    (home / "keys" / "collector.secret").write_text("x" * 40)
    (home / "keys" / "collector.secret").chmod(0o644)
    command = [sys.executable, "-m", "flowscope_app", "collect", "--addr", free_addr.replace("127.0.0.1", "0.0.0.0")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "mode 0644" in done.stderr and "chmod 600" in done.stderr


# commands


COMMANDS = ["delete_session", "rename_session", "pin_session", "import", "progress", "cancel", "stop"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_commands_need_the_token_hello_and_status_do_not(collector: Any, token: str) -> None:
    control = client.control_of(collector.addr)
    for name in COMMANDS:
        request = {"cmd": name, "session": "s", "name": "n", "path": "/etc/passwd", "task": 1}
        reply = client.request(control, request, PATIENCE, token)
        assert not reply["ok"] and "token" in reply["error"] and "collector.json" in reply["error"]
    for wrong in (None, 5, ["x"], {"a": 1}):
        assert not client.request(control, {"cmd": "stop", "token": wrong}, PATIENCE, "")["ok"]
    hello = client.request(control, {"cmd": "hello"}, PATIENCE, token)
    assert (hello["pid"], hello["protocol"]) == (collector.process.pid, [1, 2])
    running = connection.find()
    assert running is not None
    for reply in (hello, client.request(control, {"cmd": "status"}, PATIENCE, token)):
        assert reply["ok"]
        assert running.token not in str(reply)
        assert not {"db", "imports", "token"} & set(reply)


def test_who_may_read_the_connection_file_has_the_token(collector: Any) -> None:
    assert client.request(client.control_of(collector.addr), {"cmd": "stop"}, PATIENCE) == {"ok": True}
    assert collector.process.wait(PATIENCE) == 0


def test_the_token_is_told_to_nobody_else(collector: Any) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as impostor:
        port = impostor.bind_to_random_port("tcp://127.0.0.1")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.request, f"tcp://127.0.0.1:{port}", {"cmd": "stop"}, PATIENCE)
            assert impostor.poll(PATIENCE_MS)
            name, command = impostor.recv_multipart()
            impostor.send_multipart([name, b'{"ok": true}'])
            assert asked.result() == {"ok": True}
        assert orjson.loads(command) == {"cmd": "stop"}


def test_the_control_channel_asks_for_the_key_too(keyed: Any) -> None:
    endpoint, key = split_key(here(client.control_of(keyed.addr)))
    for wrong in (endpoint, with_key(endpoint, b"k" * 32)):
        with pytest.raises(NoAnswer):
            client.request(wrong, {"cmd": "hello"}, 0.5)
    assert client.request(with_key(endpoint, key), {"cmd": "hello"}, PATIENCE)["pid"] == keyed.process.pid
    assert client.request(with_key(endpoint, key), {"cmd": "stop"}, PATIENCE, "")["ok"] is False
    assert client.request(client.control_of(keyed.addr), {"cmd": "stop"}, PATIENCE)["ok"]
    assert keyed.process.wait(PATIENCE) == 0

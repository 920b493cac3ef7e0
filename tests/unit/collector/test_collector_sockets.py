"""Binding: refused in one line that says who is in the way; nothing that is not ZeroMQ 3 gets in."""

from __future__ import annotations

import os
import random
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import zmq
from patience import PATIENCE_MS, wait_until

from flowscope.protocol import split_key, with_key
from flowscope_app.collector import client, keys
from flowscope_app.collector.errors import ListenError, NoAnswer
from flowscope_app.collector.handshakes import Handshakes
from flowscope_app.collector.sockets import listen


def port_of(addr: str) -> int:
    return int(addr.rpartition(":")[2])


def refused(addr: str) -> str:
    with pytest.raises(ListenError) as caught:
        listen(addr)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_port_0_takes_two_neighbours() -> None:
    with closing(listen("tcp://127.0.0.1:0")) as sockets:
        assert port_of(sockets.control_addr) == port_of(sockets.addr) + 1
        assert client.control_of(sockets.addr) == sockets.control_addr


def test_a_taken_port_is_refused_with_its_holder(free_addr: str) -> None:
    serve = f"s = socket.create_server(('127.0.0.1', {port_of(free_addr)}))"
    code = f"import socket, sys; {serve}; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        line = refused(free_addr)
        assert f"{free_addr} is in use by" in line
        assert f"(pid {holder.pid})" in line
        assert "--addr" in line
        holder.stdin.close()


def test_a_taken_control_port_is_refused_and_lets_the_first_go(free_addr: str) -> None:
    with socket.create_server(("127.0.0.1", port_of(free_addr) + 1)):
        assert "control channel" in refused(free_addr)
    with closing(listen(free_addr)) as sockets:
        assert sockets.addr == free_addr


@pytest.mark.parametrize("addr", ["tcp://0.0.0.0:0", "tcp://*:0"])
def test_what_other_machines_can_reach_has_a_key_in_its_address(home: Path, addr: str) -> None:
    with closing(listen(addr)) as sockets:
        endpoint, key = split_key(sockets.addr)
        assert endpoint.startswith("tcp://0.0.0.0:")
        assert key == keys.load().public
        assert client.control_of(sockets.addr) == sockets.control_addr
        for socket_ in (sockets.data, sockets.control):
            assert socket_.getsockopt(zmq.MECHANISM) == zmq.CURVE


def test_an_address_this_machine_has_not_is_said(home: Path) -> None:
    assert "no such address" in refused("tcp://192.0.2.199:3569")


def test_on_loopback_there_is_a_key_only_where_it_is_asked_for(home: Path) -> None:
    with closing(listen("tcp://127.0.0.1:0")) as sockets:
        assert split_key(sockets.addr)[1] == b""
        assert sockets.data.getsockopt(zmq.MECHANISM) == zmq.NULL
    assert not keys.folder().exists()
    with closing(listen("tcp://127.0.0.1:0", curve=True)) as sockets:
        addr = sockets.addr
        assert split_key(addr)[1] == keys.load().public
    with closing(listen(addr)) as sockets:
        assert sockets.addr == addr
    other = with_key(split_key(addr)[0], b"x" * 32)
    line = refused(other)
    assert "not this collector's own" in line and other.partition("key=")[2] not in line


@pytest.mark.parametrize("addr", ["", "3569", "http://127.0.0.1:1", "off", "file:///x", "tcp://127.0.0.1:1,ipc://x"])
def test_what_is_no_address_to_listen_on_is_refused(addr: str) -> None:
    assert refused(addr)


def test_localhost_and_ipv6_are_loopback() -> None:
    with closing(listen("tcp://localhost:0")) as sockets:
        assert sockets.addr.startswith("tcp://127.0.0.1:")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with closing(listen("tcp://[::1]:0")) as sockets:
        assert sockets.addr.startswith("tcp://[::1]:")


def test_an_ipc_path_is_not_taken_from_who_has_it(tmp_path: Path) -> None:
    addr = f"ipc://{tmp_path}/run/flowscope"
    with closing(listen(addr)) as sockets:
        assert sockets.control_addr == addr + ".control"
        path = tmp_path / "run" / "flowscope"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert f"pid {os.getpid()}" in refused(addr)
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(addr)
            push.send(b"still here")
            assert sockets.data.poll(PATIENCE_MS)
            assert sockets.data.recv() == b"still here"
    with closing(listen(addr)):
        pass  # a socket file that was left behind is no obstacle


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777, 0o710])
def test_an_ipc_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    folder.chmod(mode)
    line = refused(f"ipc://{folder}/f")
    assert f"mode {mode:04o}" in line
    advised = line.rpartition(" ")[2]
    with closing(listen(advised)) as sockets:
        assert sockets.addr == advised


def test_what_is_in_the_way_of_an_ipc_path_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    assert "no socket" in refused(f"ipc://{tmp_path}/notes")
    assert (tmp_path / "notes").read_text() == "mine"
    (tmp_path / "other.control").write_text("mine")
    assert "no socket" in refused(f"ipc://{tmp_path}/other")
    with socket.socket(socket.AF_UNIX) as holder:  # a program that knows nothing of our lock
        holder.bind(str(tmp_path / "held"))
        holder.listen()
        assert "another program" in refused(f"ipc://{tmp_path}/held")
    with closing(listen(f"ipc://{tmp_path}/held")):
        pass  # nobody is behind it any more


@pytest.mark.parametrize("addr", ["ipc://@flowscope", "ipc://*", "ipc:///tmp/"])
def test_an_ipc_address_without_a_file_is_refused(addr: str) -> None:
    assert refused(addr)


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        b"\x01\x00\x00",  # ZMTP 1.0
        random.Random(4).randbytes(4_000),
        b"",
    ],
    ids=["http", "zmtp1", "random", "nothing"],
)
def test_what_does_not_speak_zeromq_3_is_counted_and_delivers_nothing(sent: bytes) -> None:
    with closing(listen("tcp://127.0.0.1:0")) as sockets:
        watch = Handshakes(sockets.data)
        try:
            with zmq.Context() as context, context.socket(zmq.PUSH) as good:
                good.connect(sockets.addr)
                good.send(b"before")
                assert sockets.data.poll(PATIENCE_MS)
                sockets.data.recv()
                with socket.create_connection(("127.0.0.1", port_of(sockets.addr))) as stranger:
                    stranger.sendall(sent)

                    def counted() -> bool:
                        watch.read()
                        watch.new_failures()
                        return watch.failed == 1

                    wait_until(counted)
                assert not sockets.data.poll(50)
                good.send(b"after")
                assert sockets.data.poll(PATIENCE_MS)
                assert sockets.data.recv() == b"after"
            assert watch.new_failures() == 0
        finally:
            watch.close()


def test_a_collector_that_is_not_there_does_not_answer(free_addr: str) -> None:
    with pytest.raises(NoAnswer):
        client.request(free_addr, {"cmd": "hello"}, 0.2)

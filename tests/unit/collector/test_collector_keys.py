"""The collector's keys: made once, closed to others, and refused where they are not."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq
from patience import PATIENCE_MS

from flowscope_app.collector import keys
from flowscope_app.collector.errors import ListenError
from flowscope_app.collector.hosts import elsewhere, here

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused() -> str:
    with pytest.raises(ListenError) as caught:
        keys.load()
    assert keys.trouble() == str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def file(home: Path) -> Path:
    assert keys.trouble() == ""
    keys.load()
    return home / "keys" / "collector.secret"


@posix
def test_they_are_made_closed_to_others_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        keys.load()
    finally:
        os.umask(before)
    assert mode(home / "keys") == 0o700
    assert mode(home / "keys" / "collector.secret") == 0o600
    assert keys.trouble() == ""


def test_they_stay_the_same_and_work(file: Path) -> None:
    pair = keys.load()
    assert pair == keys.load()
    assert len(pair.public) == len(pair.secret) == 32
    with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.setsockopt(zmq.CURVE_SERVER, 1)
        pull.setsockopt(zmq.CURVE_SECRETKEY, pair.secret)
        push.setsockopt(zmq.LINGER, 0)
        push.curve_publickey, push.curve_secretkey = zmq.curve_keypair()
        push.setsockopt(zmq.CURVE_SERVERKEY, pair.public)
        push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
        push.send(b"x")
        assert pull.poll(PATIENCE_MS)
    assert str(pair.secret) not in repr(pair)


def test_collectors_that_start_together_make_one_key(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({keys.load().public for _ in pool.map(lambda _: keys.load(), range(8))}) == 1
        assert len({pair.public for pair in pool.map(lambda _: keys.load(), range(8))}) == 1


@posix
@pytest.mark.parametrize("open_to_others", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(file: Path, open_to_others: int) -> None:
    file.chmod(open_to_others)
    line = refused()
    assert f"mode {open_to_others:04o}" in line and f"chmod 600 {file}" in line


@posix
def test_a_folder_that_others_can_enter_is_refused(file: Path) -> None:
    file.parent.chmod(0o755)
    line = refused()
    assert "mode 0755" in line and f"chmod 700 {file.parent}" in line


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short\n", b"#" * 5_000, b"\xff" * 40, b'"' * 40])
def test_what_is_no_key_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert "no key of FlowScope's" in refused()


def test_a_home_that_can_not_be_written_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("FLOWSCOPE_HOME", str(home / "file" / "below"))
    with pytest.raises(ListenError, match="can't be used"):
        keys.load()


def test_an_address_everywhere_is_named_as_it_is_reached() -> None:
    assert here("tcp://0.0.0.0:1?key=x") == "tcp://127.0.0.1:1?key=x"
    assert here("tcp://*:1") == "tcp://127.0.0.1:1"
    assert here("tcp://[::]:1") == "tcp://[::1]:1"
    for addr in ("tcp://192.0.2.7:1?key=x", "ipc:///tmp/x", "tcp://127.0.0.1:1"):
        assert here(addr) == elsewhere(addr) == addr
    for addr in ("tcp://0.0.0.0:1?key=x", "tcp://[::]:1?key=x"):
        assert elsewhere(addr).endswith(":1?key=x")
        assert elsewhere(addr) not in (addr, here(addr))

"""Addresses that FLOWSCOPE_ADDR takes, and the one line that refuses the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowscope.protocol import (
    DEFAULT_ADDR,
    Address,
    AddressError,
    control_addr,
    hide_key,
    parse_addr,
    split_key,
    with_key,
)

KEY = bytes(range(200, 232))
WRITTEN = "yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (DEFAULT_ADDR, Address("tcp", ("tcp://127.0.0.1:3569",))),
        ("  tcp://localhost:03569 ", Address("tcp", ("tcp://localhost:3569",))),
        ("tcp://[::1]:3569", Address("tcp", ("tcp://[::1]:3569",))),
        ("tcp://*:3569", Address("tcp", ("tcp://*:3569",))),
        ("tcp://a:1, tcp://b-2.example:2", Address("tcp", ("tcp://a:1", "tcp://b-2.example:2"))),
        ("tcp://a:1,tcp://a:1", Address("tcp", ("tcp://a:1",))),
        ("ipc:///tmp/flowscope.sock", Address("ipc", ("ipc:///tmp/flowscope.sock",))),
        ("ipc:///tmp/a,tcp://b:1", Address("ipc", ("ipc:///tmp/a", "tcp://b:1"))),
        ("file:///tmp/run.flowscope", Address("file", (), "/tmp/run.flowscope")),
        ("file:///tmp/a%20run,%C3%A9.flowscope", Address("file", (), "/tmp/a run,é.flowscope")),
        ("file://localhost/tmp/x", Address("file", (), "/tmp/x")),
        ("file:///C:/runs/x.flowscope", Address("file", (), "C:/runs/x.flowscope")),
        (f"tcp://h:1?key={WRITTEN}", Address("tcp", ("tcp://h:1",), keys=(("tcp://h:1", KEY),))),
        (
            f"tcp://a:1, tcp://b:2?key={WRITTEN},tcp://b:2",
            Address("tcp", ("tcp://a:1", "tcp://b:2"), keys=(("tcp://b:2", KEY),)),
        ),
        ("off", Address("off")),
        ("OFF", Address("off")),
    ],
)
def test_address_is_understood(text: str, address: Address) -> None:
    assert parse_addr(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", 'address "" must begin with tcp://, ipc:// or file:///, or be off'),
        ("localhost:3569", 'address "localhost:3569" must begin with tcp://, ipc:// or file:///, or be off'),
        ("tcp://", 'address "tcp://" must be tcp://HOST:PORT'),
        ("tcp://host", 'address "tcp://host" must be tcp://HOST:PORT'),
        ("tcp://ho st:1", 'address "tcp://ho st:1" must be tcp://HOST:PORT'),
        ("tcp://::1:3569", 'address "tcp://::1:3569" must be tcp://HOST:PORT'),
        (
            "tcp://h:65535",
            'address "tcp://h:65535" must have a port from 1 to 65534 (the one after it is the control channel\'s)',
        ),
        (
            "tcp://h:0",
            'address "tcp://h:0" must have a port from 1 to 65534 (the one after it is the control channel\'s)',
        ),
        ("tcp://a:1,", 'address "tcp://a:1," must begin with tcp://, ipc:// or file:///, or be off'),
        ("tcp://a:1,off", 'address "tcp://a:1,off" mixes off or file:// with another address'),
        ("tcp://a:1,file:///x", 'address "tcp://a:1,file:///x" mixes off or file:// with another address'),
        ("ipc://", 'address "ipc://" must be ipc://PATH'),
        ("file://run.flowscope", "must be file:///PATH of a file, with three slashes and a full path"),
        ("file:///", "must be file:///PATH of a file, with three slashes and a full path"),
        ("file:///dir/", "must be file:///PATH of a file, with three slashes and a full path"),
        ("file:///a%00b", "must be file:///PATH of a file, with three slashes and a full path"),
        ("tcp://h:1?key=", "has a key that is not whole; it is 43 characters of A-Z, a-z, 0-9, - and _"),
        (f"tcp://h:1?key={WRITTEN[:-1]}", "it is 43 characters of A-Z, a-z, 0-9, - and _"),
        (f"tcp://h:1?key={WRITTEN[:-1]}d", "it is 43 characters of A-Z, a-z, 0-9, - and _"),  # not how it is written
        (f"tcp://h:1?key={WRITTEN}&x=1", "it is 43 characters of A-Z, a-z, 0-9, - and _"),
        (f"tcp://h:1?x=1?key={WRITTEN}", "must be tcp://HOST:PORT"),
        (f"tcp://h:1?key={WRITTEN},tcp://h:1?key={'A' * 43}", "gives one collector two keys"),
        ("http://x:1", 'address "http://x:1" must begin with tcp://, ipc:// or file:///, or be off'),
        ("tcp://\u0661:1\n", "must be tcp://HOST:PORT"),
    ],
)
def test_address_is_refused_in_one_clear_line(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_addr(text)
    assert str(caught.value).endswith(reason)
    assert str(caught.value).isprintable()


def test_a_key_is_in_no_error_and_no_repr() -> None:
    for text in (f"tcp://h:0?key={WRITTEN}", f"tcp://h:1?key={WRITTEN}x", f"off,tcp://h:1?key={WRITTEN}"):
        with pytest.raises(AddressError) as caught:
            parse_addr(text)
        assert WRITTEN[:20] not in str(caught.value)
    address = parse_addr(f"tcp://h:1?key={WRITTEN},tcp://i:2")
    assert str(KEY) not in repr(address)
    assert (address.key("tcp://h:1"), address.key("tcp://i:2")) == (KEY, b"")
    assert hide_key(f"tcp://h:1?key={WRITTEN},tcp://i:2") == "tcp://h:1?key=...,tcp://i:2"


@given(st.binary(min_size=32, max_size=32))
def test_a_key_comes_back_as_it_was_written(key: bytes) -> None:
    addr = with_key("tcp://h:1", key)
    assert split_key(addr) == ("tcp://h:1", key)
    assert split_key(control_addr(addr)) == ("tcp://h:2", key)


def test_ipc_path_leaves_room_for_the_control_channel() -> None:
    assert parse_addr("ipc:///" + "x" * 94).transport == "ipc"
    with pytest.raises(AddressError, match="more than 95 bytes"):
        parse_addr("ipc:///" + "é" * 48)


@pytest.mark.parametrize(
    ("endpoint", "control"),
    [
        ("tcp://127.0.0.1:3569", "tcp://127.0.0.1:3570"),
        ("tcp://[::1]:65534", "tcp://[::1]:65535"),
        ("ipc:///tmp/fs", "ipc:///tmp/fs.control"),
    ],
)
def test_control_channel_stands_beside(endpoint: str, control: str) -> None:
    assert control_addr(endpoint) == control


@pytest.mark.parametrize("endpoint", ["off", "file:///x", "tcp://host"])
def test_without_a_socket_there_is_no_control_channel(endpoint: str) -> None:
    with pytest.raises(AddressError, match="no control channel"):
        control_addr(endpoint)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("tcp://127.0.0.1:1", True),
        ("tcp://127.8.8.8:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://localhost:1", True),
        ("ipc:///tmp/x", True),
        ("file:///tmp/x", True),
        ("tcp://*:1", False),
        ("tcp://0.0.0.0:1", False),
        ("tcp://10.0.0.1:1", False),
        ("tcp://localhost:1,tcp://example.com:1", False),
    ],
)
def test_loopback_means_that_nothing_leaves_the_machine(text: str, loopback: bool) -> None:
    assert parse_addr(text).loopback is loopback


@given(st.text())
def test_any_text_is_an_address_or_one_clear_line(text: str) -> None:
    try:
        parse_addr(text)
    except AddressError as error:
        assert str(error).isprintable()

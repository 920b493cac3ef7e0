"""Records, bodies and headers of the protocol, with whatever hypothesis thinks of."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_MS

from flowscope.protocol import (
    DEFAULT_ADDR,
    Header,
    ProducerInfo,
    ProtocolError,
    Record,
    UnknownVersion,
    decode_body,
    decode_header,
    encode_header,
    encode_record,
    parse_record,
    parse_records,
    split_message,
    visible,
)
from flowscope.protocol.body import MAX_RECORDS, SPLIT_RECORDS
from flowscope.protocol.records import MAX_REFUSALS
from flowscope.protocol.times import MAX_TIME_NS

PROTOCOL = Path(__file__).parents[2] / "flowscope_sdk" / "protocol"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ID = TEXT.filter(bool)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
NATIVE = VALUES.filter(lambda value: value is not None)
MINIMAL = {"id": "a1", "session_id": "s1", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}


def _payload(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@st.composite
def records(draw: st.DrawFn) -> Record:
    start = draw(st.integers(0, MAX_TIME_NS))
    end = draw(st.none() | st.integers(start, MAX_TIME_NS))
    span_id = draw(ID)
    parent = draw(st.none() | ID)
    return Record(
        id=span_id,
        session_id=draw(ID),
        parent_id=None if parent == span_id else parent,
        operation=draw(ID),
        framework=draw(ID),
        language=draw(ID),
        start_ns=start,
        end_ns=end,
        input=draw(st.none() | NATIVE.map(_payload)),
        output=draw(st.none() | NATIVE.map(_payload)),
        metadata=draw(st.dictionaries(TEXT, VALUES.filter(_is_64_bit), max_size=4)),
        status="pending" if end is None else draw(st.sampled_from(["success", "error"])),
        error=draw(st.none() | ID),
    )


def _is_64_bit(value: Any) -> bool:
    try:
        return bool(orjson.dumps(value))
    except TypeError:
        return False


@given(records())
def test_record_comes_back_equal(record: Record) -> None:
    (again,) = decode_body(encode_record(record))
    assert parse_record(again) == record


@given(st.lists(records(), max_size=5))
@settings(max_examples=30)
def test_batch_comes_back_equal_and_in_order(sent: list[Record]) -> None:
    body = b"[" + b",".join(map(encode_record, sent)) + b"]"
    batch = parse_records(decode_body(body))
    assert batch.records == sent
    assert batch.refused_count == 0


MEMBERS = [*MINIMAL, "parent_id", "framework", "language", "end_time", "input", "output", "metadata", "status", "error"]


@given(
    st.dictionaries(st.sampled_from(MEMBERS), VALUES | st.just("2026-11-22T15:11:42Z") | st.just("error")), st.data()
)
def test_any_object_is_a_sound_record_or_one_clear_refusal(odd: dict[str, Any], data: st.DataObject) -> None:
    body = json.dumps({**MINIMAL, **odd, **data.draw(st.dictionaries(TEXT, VALUES, max_size=2))})
    batch = parse_records(decode_body(body.encode()))
    assert len(batch.records) + batch.refused_count == 1
    for error in batch.refused:
        assert error.reason.isprintable()
        assert error.field in MEMBERS
    for record in batch.records:
        assert record.parent_id != record.id
        assert (record.status == "pending") == (record.end_ns is None)
        assert parse_record(decode_body(encode_record(record))[0]) == record


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"[" + tail))
def test_any_bytes_are_elements_or_one_clear_refusal(body: bytes) -> None:
    try:
        elements = decode_body(body)
    except ProtocolError as error:
        assert error.reason.isprintable()
    else:
        assert all(error.reason.isprintable() for error in parse_records(elements).refused)


@given(st.integers(0, 400))
def test_whatever_arrived_whole_of_a_torn_batch_is_kept(cut: int) -> None:
    sent = [encode_record(parse_record({**MINIMAL, "id": f"r{n}", "input": {"text": '"],[{\\'}})) for n in range(3)]
    body = b"[" + b",".join(sent) + b"]"
    torn = body[: max(1, len(body) - cut)]
    batch = parse_records(decode_body(torn))
    whole = [n for n in range(3) if len(b",".join(sent[: n + 1])) + 1 < len(torn) or len(torn) == len(body)]
    assert [record.id for record in batch.records] == [f"r{n}" for n in whole]
    assert batch.refused_count == (0 if len(torn) == len(body) else 1)


def test_refusal_names_field_record_and_place() -> None:
    (error,) = parse_records([MINIMAL, {**MINIMAL, "id": "b\n2", "start_time": 5}]).refused
    assert error.reason == 'start_time: must be an RFC 3339 string, not a number (record "b\\n2")'
    assert (error.field, error.record_id, error.index) == ("start_time", "b\n2", 1)


def test_message_of_too_many_records_is_refused_as_a_whole() -> None:
    assert len(decode_body(b"[" + b"{}," * (MAX_RECORDS - 1) + b"{}]")) == MAX_RECORDS
    with pytest.raises(ProtocolError, match="holds 100,001 records, a message may hold 100,000"):
        decode_body(b"[" + b"{}," * MAX_RECORDS + b"{}]")


def test_refusals_beyond_a_hundred_are_only_counted() -> None:
    batch = parse_records([None] * 1000)
    assert (len(batch.refused), batch.refused_count) == (MAX_REFUSALS, 1000)


def test_search_for_sound_records_in_a_broken_batch_has_an_end() -> None:
    elements = decode_body(b"[" + b"{}," * (SPLIT_RECORDS + 5))
    assert len(elements) == SPLIT_RECORDS + 1
    assert "not read" in parse_records(elements[-1:]).refused[0].reason


@pytest.mark.parametrize("opening", [b'{"a":', b"[", b'["'])
def test_hundred_thousand_levels_are_refused(opening: bytes) -> None:
    batch = parse_records(decode_body(opening * 100_000))
    assert batch.records == []
    assert batch.refused_count >= 1


@pytest.mark.parametrize("end", [b"", b"\\"])
@pytest.mark.timeout(300)
def test_unterminated_string_of_quotes_is_scanned_in_one_pass(end: bytes) -> None:
    assert parse_records(decode_body(b'["' + b'\\"' * 500_000 + end)).refused_count == 1


@pytest.mark.parametrize(
    ("digits", "exact"),
    [
        ("9223372036854775807", True),
        ("18446744073709551615", True),
        ("-9223372036854775809", True),
        ("7" * 2000, False),
    ],
)
def test_integers_keep_their_digits(digits: str, exact: bool) -> None:
    body = json.dumps({**MINIMAL, "input": 0}).replace('"input": 0', f'"input": {digits}')
    (record,) = parse_records(decode_body(body.encode())).records
    assert record.input == (digits if exact else f'"{digits}"').encode()


@given(
    st.builds(
        Header,
        producer=st.none()
        | st.builds(
            ProducerInfo,
            id=ID,
            session_id=TEXT,
            program=TEXT,
            pid=st.integers(0, 2**31),
            host=TEXT,
            language=TEXT,
            runtime=TEXT,
            sdk=TEXT,
            started_ns=st.none() | st.integers(0, MAX_TIME_NS),
        ),
        seq=st.integers(1, 2**53 - 1),
        count=st.integers(0, 2**53 - 1),
        dropped=st.integers(0, 2**53 - 1),
        compression=st.sampled_from(["none", "gzip", "zstd"]),
    )
)
def test_header_comes_back_equal(header: Header) -> None:
    assert decode_header(encode_header(header)) == header


def test_unknown_version_is_named_with_what_is_spoken() -> None:
    with pytest.raises(UnknownVersion) as caught:
        decode_header(b'{"version":7}')
    assert str(caught.value) == "version: protocol version 7 is not spoken here (spoken: 1, 2)"


def test_message_has_one_or_two_frames() -> None:
    assert split_message([b"{}"]) == (None, b"{}")
    assert split_message([b'{"version":1}', b"[]"]) == (Header(), b"[]")
    for frames in ([], [b"", b"", b""]):
        with pytest.raises(ProtocolError, match="it must be one"):
            split_message(frames)


@given(st.text(), st.integers(2, 100))
def test_visible_text_is_printable_and_bounded(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    if text.isprintable() and len(text) <= limit:
        assert shown == text


def test_smallest_client_in_the_readme_sends_a_record() -> None:
    readme = (PROTOCOL / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) == 3
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        assert DEFAULT_ADDR in found[1]
        subprocess.run([sys.executable, "-c", found[1].replace(DEFAULT_ADDR, f"tcp://127.0.0.1:{port}")], check=True)
        assert pull.poll(PATIENCE_MS)
        header, body = split_message(pull.recv_multipart())
    (record,) = parse_records(decode_body(body)).records
    assert header is None
    assert (record.operation, record.output, record.status) == ("hello", b'"world"', "success")

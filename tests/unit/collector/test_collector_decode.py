"""A message of any bytes becomes records and reports; nothing it holds can raise."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowscope.protocol import Header, ProducerInfo, Record, encode_header
from flowscope_app.collector import decode as module
from flowscope_app.collector.decode import decode
from flowscope_app.store import Report

GOOD = {"id": "1", "session_id": "s", "operation": "op", "start_time": "2026-11-22T15:11:42Z"}


def header(compression: str = "none", count: int = 1, version: int = 1) -> bytes:
    return encode_header(Header(version, ProducerInfo("p"), 1, count, 0, compression))


def reasons(frames: list[bytes]) -> list[str]:
    item = decode(frames)
    refused = [one for one in item.records if isinstance(one, Report)]
    return [report.detail for report in [*refused, *item.reports]]


def test_one_object_and_an_array_are_both_taken() -> None:
    assert [one.id for one in decode([orjson.dumps(GOOD)]).records if not isinstance(one, Report)] == ["1"]
    item = decode([orjson.dumps([GOOD, {**GOOD, "id": "2"}])])
    assert [one.id for one in item.records if not isinstance(one, Report)] == ["1", "2"]
    assert item.header is None


def test_a_bad_record_leaves_a_report_in_its_place() -> None:
    item = decode([header(count=3), orjson.dumps([GOOD, {"id": "2", "session_id": "s"}, {**GOOD, "id": "3"}])])
    first, bad, last = item.records
    assert isinstance(first, Record) and isinstance(last, Record)
    assert isinstance(bad, Report)
    assert (bad.kind, bad.session) == ("refused", "s")
    assert "operation" in bad.detail


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_packed_body_is_unpacked(compression: str) -> None:
    pack = gzip.compress if compression == "gzip" else zstandard.compress
    item = decode([header(compression), pack(orjson.dumps([GOOD]))])
    assert len(item.records) == 1
    assert not item.reports


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "0 frames"),
        ([b"a", b"b", b"c"], "3 frames"),
        ([b""], "empty"),
        ([b"\x00\xff garbage"], "not JSON"),
        ([b"POST / HTTP/1.1\r\nHost: x\r\n\r\n{}"], "HTTP"),
        ([header(version=7), b"[]"], "version 7"),
        ([b"not json", b"[]"], "header"),
        ([header("gzip"), b"[]"], "not gzip data"),
        ([header("zstd"), b"[]"], "not zstd data"),
        ([header("gzip"), gzip.compress(b"[" + b" " * 5_000 + b"]")[:-20]], "ends too early"),
        ([header("zstd"), zstandard.compress(b"x" * 5_000)[:-3]], "ends too early"),
        ([header(count=2**40), b"[]"], "records in one batch"),
    ],
)
def test_what_can_not_be_taken_is_refused_in_one_line(frames: list[bytes], reason: str) -> None:
    (line,) = reasons(frames)
    assert reason in line
    assert line.isprintable()


def test_a_message_refused_as_a_whole_counts_as_its_header_says() -> None:
    item = decode([header("gzip", count=250), b"torn"])
    assert item.header is not None
    assert [report.count for report in item.reports] == [250]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_is_unpacked(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MESSAGE", 1 << 20)
    bomb = b"[" + b" " * (200 << 20) + b"]"
    if compression == "gzip":
        packer = zlib.compressobj(9, wbits=31)
        packed = packer.compress(bomb) + packer.flush()
    else:
        packed = zstandard.compress(bomb)
    del bomb
    assert len(packed) < 1 << 20
    tracemalloc.start()
    (line,) = reasons([header(compression), packed])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "unpacks to more than" in line
    assert peak < 100 << 20


def test_too_many_objects_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BRACKETS", 1_000)
    (line,) = reasons([b"[" + b"{}," * 2_000 + b"{}]"])
    assert "objects and arrays" in line


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_random_frames_never_raise(frames: list[bytes]) -> None:
    decode(frames)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(GOOD)) | st.text(), inner),
    max_leaves=12,
)


@given(values)
def test_random_json_never_raises(value: object) -> None:
    decode([json.dumps(value).encode()])

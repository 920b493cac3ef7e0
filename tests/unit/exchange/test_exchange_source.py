"""Reading files that may be compressed, cut short or hostile."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowscope_app.exchange.lines import lines, values
from flowscope_app.exchange.source import Source, UnsoundError

TEXT = b"".join(b'{"id":"%d","text":"aou \xc3\xa4\xc3\xb6\xc3\xbc"}\n' % number for number in range(20_000))
PACK = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def read(path: Path) -> tuple[bytes, bool]:
    with Source(path) as source:
        data = b"".join(source)
        return data, source.truncated


@pytest.mark.parametrize("compression", PACK)
def test_every_compression_is_told_from_the_content(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(PACK[compression](TEXT))
    with Source(path) as source:
        assert source.compression == compression
    assert read(path) == (TEXT, False)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_streams_one_after_the_other_are_one(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(PACK[compression](b"one\n") + PACK[compression](b"") + PACK[compression](b"two\n"))
    assert read(path) == (b"one\ntwo\n", False)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_stream_that_ends_early_is_told(tmp_path: Path, compression: str) -> None:
    packed = PACK[compression](TEXT)
    path = tmp_path / "file"
    for cut in (5, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:cut])
        data, truncated = read(path)
        assert truncated
        assert TEXT.startswith(data)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_damaged_data_is_refused(tmp_path: Path, compression: str) -> None:
    packed = bytearray(PACK[compression](os.urandom(100_000)))
    packed[len(packed) // 2] ^= 0xFF
    if compression == "zstd":
        packed[4] = 0xFF  # a stored block hides a flipped bit without a checksum; its frame header does not
    path = tmp_path / "file"
    path.write_bytes(packed)
    with pytest.raises(UnsoundError, match="corrupt"):
        read(path)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_bomb_is_refused_in_bounded_memory(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "bomb"
    if compression == "gzip":
        with gzip.open(path, "wb", compresslevel=9) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    else:
        with path.open("wb") as raw, zstandard.ZstdCompressor(level=19).stream_writer(raw) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    tracemalloc.start()
    total = 0
    with Source(path) as source, pytest.raises(UnsoundError, match="1,000 times its size"):
        for piece in source:
            total += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 60 << 20 < total < 300 << 20
    assert peak < 150 << 20


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UnsoundError, match="not a regular file"):
        Source(fifo)
    with pytest.raises(UnsoundError, match="folder"):
        Source(tmp_path)
    with pytest.raises(UnsoundError, match="not a regular file"):
        Source(Path(os.devnull))
    with pytest.raises(UnsoundError, match="does not exist"):
        Source(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(UnsoundError, match="empty"):
        Source(empty)


def test_a_link_is_followed_to_a_file_and_nowhere_else(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert read(link) == (b"x", False)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(UnsoundError, match="can't be opened"):
        Source(loop)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "gone")
    with pytest.raises(UnsoundError, match="does not exist"):
        Source(dangling)


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b""))), st.integers(1, 30))
def test_lines_come_out_as_they_went_in_however_they_are_cut(texts: list[bytes], size: int) -> None:
    data = b"".join(text + b"\n" for text in texts)
    stream = io.BytesIO(data)
    assert list(lines(iter(lambda: stream.read(size), b""))) == texts


def test_a_last_line_without_a_newline_counts() -> None:
    assert list(lines([b"a\nb"])) == [b"a", b"b"]


def test_an_endless_line_is_refused_in_bounded_memory() -> None:
    def spaces() -> object:
        while True:
            yield b" " * 65536

    with pytest.raises(UnsoundError, match="longer than 1 MiB"):
        list(lines(spaces(), limit=1 << 20))  # type: ignore[arg-type]


json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), json_value)), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_objects_of_an_array_come_out_as_they_went_in(
    objects: list[dict[str, object]], size: int, array: bool, indent: int | None
) -> None:
    import json

    text = json.dumps(objects, indent=indent) if array else "\n".join(json.dumps(o, indent=indent) for o in objects)
    stream = io.BytesIO(text.encode())
    assert [json.loads(v) for v in values(iter(lambda: stream.read(size), b""))] == objects


@pytest.mark.parametrize(
    "text",
    [b"[{}", b"[{},", b'[{"a":"', b'{"a":', b"[", b'{"a', b"[{}]]", b"[{}] {}", b"[[{}]]", b"[1]", b'["a"]', b"null"],
)
def test_what_is_no_list_of_objects_is_refused(text: bytes) -> None:
    with pytest.raises(UnsoundError):
        list(values([text]))


def test_a_long_value_arriving_in_small_pieces_takes_linear_time() -> None:
    body = b'[{"a":"' + b"\\n" * (8 << 20) + b'"}]'
    pieces = (body[at : at + 4096] for at in range(0, len(body), 4096))
    assert [len(value) for value in values(pieces)] == [len(body) - 2]


def test_an_endless_value_is_refused() -> None:
    with pytest.raises(UnsoundError, match="longer than 1 MiB"):
        list(values((b'{"a":"' if n == 0 else b"x" * 65536 for n in range(100)), limit=1 << 20))

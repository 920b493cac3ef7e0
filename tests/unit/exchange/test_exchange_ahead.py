"""What makes an import fast changes nothing of what it finds: lines taken together, and work done ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowscope_app.exchange.ahead import CHUNK_ITEMS, ahead
from flowscope_app.exchange.lines import value_groups, values
from flowscope_app.exchange.source import UnsoundError

PARTS = [
    '{"a":1}',
    '{"a":{"b":[1,{}]}}',
    '{"a":"]}"}',
    '{"a":\n1}',
    "[",
    "]",
    ",",
    "\n",
    ",\n",
    " ",
    "{",
    "}",
    '"',
    "1",
]


def whole(texts: list[bytes]) -> list[bytes] | None:
    """The texts if each is an object by itself."""
    try:
        return texts if all(isinstance(orjson.loads(text), dict) for text in texts) else None
    except orjson.JSONDecodeError:
        return None


def by_group(pieces: list[bytes]) -> list[bytes] | str:
    try:
        found: list[bytes] = []
        for item in value_groups(pieces, whole):
            found += [item] if isinstance(item, bytes) else item
        return found
    except UnsoundError as error:
        return error.message


def one_by_one(pieces: list[bytes]) -> list[bytes] | str:
    try:
        return list(values(pieces))
    except UnsoundError as error:
        return error.message


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=14), st.lists(st.integers(1, 40), max_size=6), st.booleans())
def test_lines_taken_together_are_what_scanning_finds(parts: list[str], cuts: list[int], array: bool) -> None:
    text = "".join(parts)
    data = (f"[\n{text}\n]\n" if array else text).encode()
    pieces, start = [], 0
    for cut in cuts:
        pieces.append(data[start : start + cut])
        start += cut
    pieces.append(data[start:])
    assert by_group(pieces) == one_by_one(pieces)


def test_an_array_of_an_object_a_line_is_taken_by_the_line() -> None:
    data = b"[\n" + b",\n".join(b'{"a":%d}' % number for number in range(1_000)) + b"\n]\n"
    taken = list(value_groups([data[:5_000], data[5_000:]], whole))
    assert sum(isinstance(item, list) for item in taken) == len(taken) == 2


def test_work_ahead_gives_the_items_in_order_and_then_the_error() -> None:
    def items() -> Iterator[int]:
        yield from range(10 * CHUNK_ITEMS + 1)
        raise ValueError("at the end")

    found: list[int] = []
    with pytest.raises(ValueError, match="at the end"):
        found += [item for item in ahead(items(), lambda _: 1) if item is not None]
    with closing(ahead(items(), lambda _: 1 << 23)) as large:
        assert [next(one for one in large if one is not None) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="at the end"):
        for item in ahead(items(), lambda _: 1):
            found += [] if item is None else [item]
    assert found == list(range(10 * CHUNK_ITEMS + 1))


def test_work_ahead_ends_with_who_wanted_it() -> None:
    before = threading.active_count()
    with closing(ahead(iter(int, 1), lambda _: 1)) as endless:
        assert next(item for item in endless if item is not None) == 0
        assert threading.active_count() == before + 1
    assert threading.active_count() == before

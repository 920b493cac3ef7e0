"""What becomes of a value when it is captured: bounded, as it was, and whatever its own code does."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import hashlib
import sys
import threading
import uuid
from collections import OrderedDict, deque, namedtuple
from pathlib import Path
from typing import Any

import orjson
import pytest

from flowscope import _capture
from flowscope._capture import Cut, snapshot


def loaded(value: Any) -> Any:
    return _capture.loads(snapshot(value))


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Order:
    number: int
    tags: set[str]


Point = namedtuple("Point", "x y")


class Plain:
    def __init__(self) -> None:
        self.name = "plain"
        self.inner = [1, {2}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        ((1, (2,)), [1, [2]]),
        ({"tags": {"x"}}, {"tags": ["x"]}),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", (2, 3): "b", None: "c"}, {"1": "a", "[2,3]": "b", "null": "c"}),
        (Colour.RED, "red"),
        ({Colour}, [f"{__name__}.Colour"]),
        (Order(1, {"x"}), {"number": 1, "tags": ["x"]}),
        (Point(1, {2}), {"x": 1, "y": [2]}),
        (Plain(), {"class": "Plain", "name": "plain", "inner": [1, [2]]}),
        (b"text", "text"),
        (b"\xff\x00", {"bytes": 2, "base64": "/wA="}),
        (ValueError("bad"), "ValueError: bad"),
        (decimal.Decimal("1.10"), "1.10"),
        (Path("/tmp/x"), "/tmp/x"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (len, "len"),
        (float("nan"), None),
        (range(3), "range(0, 3)"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ({"\ud800": 1}, {"\\ud800": 1}),
    ],
)
def test_values_of_every_kind(value, expected):
    assert loaded(value) == expected


def test_integers_of_any_size_keep_their_digits():
    assert snapshot({"n": 10**30}) == b'{"n":' + str(10**30).encode() + b"}"
    assert "bits" in loaded(1 << 100_000)


def test_numpy_arrays_small_and_large():
    numpy = pytest.importorskip("numpy")
    assert loaded({"v": numpy.arange(3)}) == {"v": [0, 1, 2]}
    assert loaded(numpy.float32(1.5)) == 1.5
    assert loaded(numpy.zeros((1000, 1000))) == {"array": "ndarray", "dtype": "float64", "shape": [1000, 1000]}


def test_pydantic_models_by_their_fields():
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        key: pydantic.SecretStr
        hidden: str = pydantic.Field("no", exclude=True)

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")

        inner: Inner
        tags: set[str] = pydantic.Field(default_factory=lambda: {"a"})

    assert loaded(Model(inner=Inner(key="secret"), more=1)) == {
        "inner": {"key": "SecretStr('**********')"},
        "tags": ["a"],
        "more": 1,
    }


def half_made() -> Any:
    @dataclasses.dataclass(slots=True)
    class Slots:
        a: int
        b: int = 2

    made = Slots(1)
    del made.a
    return made


def test_a_dataclass_that_lacks_a_field_and_a_time_with_a_zone():
    assert loaded({"x": half_made()}) == {"x": {"b": 2}}
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert loaded([when, when.time()]) == ["2026-01-02T03:04:05+00:00", "03:04:05"]


def horror(kind: type[BaseException]) -> list[Any]:
    class Repr:
        __slots__ = ()

        def __repr__(self) -> str:
            raise kind("from repr")

    class Items(dict[str, int]):
        def items(self) -> Any:
            raise kind("from items")

    class Iterates(set[int]):
        def __iter__(self) -> Any:
            raise kind("from iter")

    class Attribute:
        def __getattribute__(self, name: str) -> Any:
            raise kind("from getattribute")

    class Class:
        @property
        def __class__(self) -> Any:  # type: ignore[override]
            raise kind("from __class__")

    class Length(list[int]):
        def __len__(self) -> int:
            raise kind("from len")

    class Text(Exception):
        def __str__(self) -> str:
            raise kind("from str")

    @dataclasses.dataclass
    class Data:
        a: int = 1

        def __getattribute__(self, name: str) -> Any:
            raise kind("from a dataclass")

    class Zone(datetime.tzinfo):
        def utcoffset(self, when: Any) -> Any:
            raise kind("from utcoffset")

    return [
        Repr(),
        Items(a=1),
        Iterates({1}),
        Attribute(),
        Class(),
        Length([1]),
        Text(),
        Data(),
        datetime.datetime(2026, 1, 1, tzinfo=Zone()),
    ]


@pytest.mark.parametrize("kind", [ValueError, SystemExit, RecursionError, GeneratorExit, MemoryError])
def test_a_value_whose_own_code_raises_costs_only_itself(kind):
    for value in horror(kind):
        assert loaded({"before": 1, "value": value, "after": 2})["after"] == 2
        loaded(value)


def test_a_key_press_of_ctrl_c_passes():
    with pytest.raises(KeyboardInterrupt):
        snapshot(horror(KeyboardInterrupt)[0])


def test_cycles_and_depth_are_bounded():
    cycle: dict[str, Any] = {"a": 1}
    cycle["self"] = cycle
    assert loaded(cycle) == {"a": 1, "self": "… refers back to itself"}
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep]
    assert b"nested deeper than" in snapshot(deep)
    shared = [1]
    assert loaded([shared, shared, {2}]) == [[1], [1], [2]]


def test_an_object_that_makes_new_objects_for_ever_is_bounded():
    class Endless:
        def __init__(self) -> None:
            self.__dict__ = {}

        def __getattr__(self, name: str) -> Any:
            return Endless()

    snapshot(Endless())
    snapshot({"x": Endless(), "y": {1}})


def test_what_can_only_be_consumed_or_held_is_not_touched(tmp_path):
    generator = (number for number in range(3))
    with (tmp_path / "file").open("w") as file, threading.Lock() as _:
        for value in (generator, file, threading.Lock(), sys.stdout, iter([1]), threading.current_thread(), sys):
            snapshot({"value": value})
    assert list(generator) == [0, 1, 2]


def test_a_long_text_is_cut_with_its_length_and_hash():
    text = "word " * 1_000_000
    data = snapshot(text)
    assert isinstance(data, Cut) and len(data) <= _capture.limit
    whole = orjson.dumps(text)
    assert (data.length, data.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert _capture.loads(data).endswith("… (5,000,000 characters)")


@pytest.mark.parametrize("text", ["\x00" * 3_000_000, "é" * 3_000_000, "\U0001f600" * 3_000_000, '"' * 3_000_000])
def test_what_grows_when_it_is_encoded_still_fits(text):
    assert len(snapshot(text)) <= _capture.limit
    assert len(snapshot({"a": text, "b": {text}})) <= _capture.limit


def test_one_long_text_leaves_room_for_what_comes_after_it():
    data = loaded({"image": "x" * 5_000_000, "question": "what is on it?", "set": {1}})
    assert data["question"] == "what is on it?" and data["set"] == [1]


def test_half_a_secret_is_not_left_at_the_cut():
    text = "x " * (_capture.limit // 2 - 10) + "sk-" + "a" * 2000
    assert "sk-a" not in snapshot(text).decode()


def test_a_100_mb_string_is_bounded():
    assert len(snapshot({"text": "x" * 100_000_000})) <= _capture.limit

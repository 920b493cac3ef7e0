"""Any Python object as what JSON can hold: bounded in depth, count and length, safe from the object's own code."""

from __future__ import annotations

import base64
import itertools
import types
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

from flowscope._guard import pass_on

MAX_DEPTH = 48
MAX_NODES = 20_000
MAX_OBJECT_DEPTH = 4
MAX_REPR = 10_000
MAX_BYTES = 64 << 10
MAX_ARRAY = 16_384
_WHOLE = 1 << 62
_DEFAULT_REPR: Any = object.__repr__
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)
_TEXTUAL = (Decimal, PurePath, UUID, timedelta, complex, range)


class Walk:
    """One pass over one value. `budget` is about how many bytes may come out."""

    def __init__(self, budget: int = _WHOLE) -> None:
        self.left = budget
        self.nodes = MAX_NODES
        self.path: set[int] = set()

    def walk(self, value: Any) -> Any:
        """What orjson can encode, standing for `value`."""
        self.nodes -= 1
        self.left -= 4
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str:
            return self._text(value)
        if kind is int:
            return _integer(value)
        if id(value) in self.path:
            return "… refers back to itself"
        if len(self.path) >= MAX_DEPTH:
            return f"… {kind.__name__} nested deeper than {MAX_DEPTH} levels"
        self.path.add(id(value))
        try:
            return self._compound(value, kind)
        except BaseException as error:  # the value's own code: it may raise anything
            pass_on(error)
            return f"<{kind.__name__}: {type(error).__name__} while it was captured>"
        finally:
            self.path.discard(id(value))

    def _compound(self, value: Any, kind: type) -> Any:
        if kind is dict:
            return self._pairs(list(value.items()))
        if kind is list or kind is tuple:
            return self._items(value, len(value))
        if isinstance(value, Enum):
            return self.walk(value.value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return _integer(int.__int__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(bytes(value[: MAX_BYTES + 1]), len(value))
        if isinstance(value, BaseException):
            return self._text(f"{kind.__name__}: {safe_text(value)}")
        if isinstance(value, _NAMED):
            return self._text(_name(value))
        if isinstance(value, date | time):
            return self._text(value.isoformat())
        if isinstance(value, _TEXTUAL):
            return self._text(str(value))
        return self._object(value, kind)

    def _object(self, value: Any, kind: type) -> Any:
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return self._pairs(list(zip(kind._fields, value, strict=False)))
        if isinstance(value, set | frozenset | deque | list | tuple):
            return self._items(value, len(value))
        if isinstance(value, Mapping):
            return self._pairs(list(itertools.islice(value.items(), MAX_NODES)))
        fields = _model_fields(value, kind)
        if fields is not None:
            return self._pairs(fields)
        if hasattr(kind, "tolist") and hasattr(kind, "shape") and hasattr(kind, "dtype"):
            return self._array(value)
        if (
            getattr(kind, "__repr__", None) is _DEFAULT_REPR
            and hasattr(value, "__dict__")
            and not hasattr(kind, "__next__")
        ):
            if len(self.path) > MAX_OBJECT_DEPTH:
                return f"<{kind.__qualname__} object>"
            return self._pairs([("class", kind.__qualname__), *vars(value).items()])
        return self._text(repr(value)[:MAX_REPR])

    def _pairs(self, pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for done, (key, item) in enumerate(pairs):
            if self.left <= 0 or self.nodes <= 0:
                result["…"] = f"{len(pairs) - done:,} more"
                break
            result[self._key(key)] = self.walk(item)
        return result

    def _items(self, items: Iterable[Any], count: int) -> list[Any]:
        result: list[Any] = []
        for item in items:
            if self.left <= 0 or self.nodes <= 0:
                result.append(f"… {count - len(result):,} more")
                break
            result.append(self.walk(item))
        return result

    def _key(self, key: Any) -> str:
        if type(key) is str:
            return self._text(key)
        text = self.walk(key)
        return text if isinstance(text, str) else orjson.dumps(text).decode()

    def _text(self, text: str) -> str:
        # One long text must not take the place of all that comes after it.
        most = max(self.left if len(self.path) == 0 else self.left // 2, 64)
        if len(text) > most:
            text = f"{_cut(text, most)}… ({len(text):,} characters)"
        self.left -= len(text)
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-8", "backslashreplace").decode()
        return text

    def _bytes(self, data: bytes, length: int) -> Any:
        if length <= MAX_BYTES:
            try:
                return self._text(data.decode())
            except UnicodeDecodeError:
                pass
        encoded = base64.b64encode(data[: max(min(MAX_BYTES, self.left // 2), 64)]).decode()
        self.left -= len(encoded)
        return {"bytes": length, "base64": encoded}

    def _array(self, value: Any) -> Any:
        shape = [int(size) for size in value.shape]
        count = 1
        for size in shape:
            count *= size
        device = getattr(value, "device", "cpu")
        # Reading an array off an accelerator would wait for it.
        if count > MAX_ARRAY or not str(getattr(device, "type", device)).startswith("cpu"):
            return {"array": type(value).__qualname__, "dtype": str(value.dtype), "shape": shape}
        self.left -= 16 * count
        return self.walk(value.tolist())


def safe_text(value: Any) -> str:
    """`str(value)`, whatever its __str__ does."""
    try:
        return str(value)
    except BaseException as error:
        pass_on(error)
        return f"(its text can't be read: {type(error).__name__})"


def _model_fields(value: Any, kind: type) -> list[tuple[str, Any]] | None:
    """The fields of a dataclass, a pydantic model or an attrs object, read past any code of its own."""
    fields = getattr(kind, "__dataclass_fields__", None)
    names: Iterable[Any] | None = fields or getattr(kind, "__attrs_attrs__", None)
    if names is not None:
        if isinstance(fields, dict):  # class variables and init-only ones stand there too
            names = [name for name, field in fields.items() if field._field_type.name == "_FIELD"]
        names = [getattr(name, "name", name) for name in names]
        return [(name, object.__getattribute__(value, name)) for name in names if _has(value, name)]
    fields = getattr(kind, "model_fields", None) if hasattr(kind, "model_dump") else getattr(kind, "__fields__", None)
    if not isinstance(fields, dict):
        return None
    hidden = {name for name, field in fields.items() if getattr(field, "exclude", None) is True}
    extra = getattr(value, "__pydantic_extra__", None) or {}
    return [(name, item) for name, item in (*vars(value).items(), *extra.items()) if name not in hidden]


def _has(value: Any, name: str) -> bool:
    try:
        object.__getattribute__(value, name)
    except AttributeError:  # a field without a value yet
        return False
    return not name.startswith("_")


def _integer(value: int) -> Any:
    if -(1 << 63) <= value < 1 << 64:
        return value
    if value.bit_length() > 4_000:
        return f"<integer of {value.bit_length():,} bits>"
    return orjson.Fragment(str(value))


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
    module = getattr(value, "__module__", None)
    return f"{module}.{name}" if module and module != "builtins" else str(name)


def _cut(text: str, most: int) -> str:
    """The first `most` characters, less a word that would be cut in two: half a secret is not recognised as one."""
    head = text[:most]
    for back in range(len(head) - 1, max(len(head) - 512, 0), -1):
        if head[back].isspace():
            return head[:back]
    return head

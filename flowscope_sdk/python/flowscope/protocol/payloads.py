"""Inputs and outputs as JSON bytes: encoded fast, and kept whole where the fast encoder would not."""

import json
from typing import Any

import orjson

from flowscope.protocol.errors import ProtocolError

MAX_DEPTH = 500
"""How many levels of arrays and objects an input, output or metadata value may have."""

_FAST_DEPTH = 254  # what orjson writes; it reads up to 1,024

_DIGITS_AS_ZERO = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
_TWENTY_DIGITS = b"0" * 20  # 19 always fit 64 bits without a sign, and epoch nanoseconds have just as many
_NEGATIVE = b"-" + b"0" * 19
_BEFORE_NUMBER = b"[:, \t\r\n-"


def encode_payload(value: Any, field: str) -> tuple[bytes, str]:
    """Return JSON bytes of a value that orjson refused, and a note on what was changed ("" for nothing).

    Integers beyond 64 bits keep all their digits. A value nested too deep for orjson to write becomes one JSON
    string that holds its JSON text. Raises ProtocolError if it is nested deeper than MAX_DEPTH.
    """
    text, deep = _exact_text(value, field)
    if deep:
        return orjson.dumps(text), f"{field}: nested too deep for a JSON value, kept as its text"
    return text.encode(), ""


def encode_metadata_value(value: Any, field: str) -> str:
    """Return the JSON text that stands in metadata for a value orjson can't write. Raises as encode_payload."""
    return _exact_text(value, field)[0]


def load_payload(data: bytes) -> Any:
    """Return the value of JSON bytes, integers of any size exact."""
    return json.loads(data) if may_hold_long_number(data) else orjson.loads(data)


def may_hold_long_number(data: bytes) -> bool:
    """Whether an integer may stand in JSON bytes that does not fit 64 bits, which orjson rounds to a float."""
    digits = data.translate(_DIGITS_AS_ZERO)
    for needle in (_TWENTY_DIGITS, _NEGATIVE):
        found = digits.find(needle)
        while found >= 0:
            if found == 0 or digits[found - 1] in _BEFORE_NUMBER:
                return True
            # Digits after a point or inside an id: go on behind them.
            found = digits.find(needle, found + 1 if needle is _NEGATIVE else _end_of_digits(digits, found))
    return False


def _end_of_digits(digits: bytes, start: int) -> int:
    return start + len(digits[start : start + 5000]) - len(digits[start : start + 5000].lstrip(b"0"))


def _exact_text(value: Any, field: str) -> tuple[str, bool]:
    depth = depth_of(value, MAX_DEPTH)
    if depth > MAX_DEPTH:
        raise ProtocolError(f"nested deeper than {MAX_DEPTH} levels", field=field)
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text, depth > _FAST_DEPTH
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"can't be written as JSON: {error}", field=field) from None


def depth_of(value: Any, limit: int) -> int:
    """Count the levels of arrays and objects, without recursion; stops counting past `limit`."""
    depth = 0
    layer = [value]
    while depth <= limit:
        layer = [item for item in layer if isinstance(item, (dict, list))]
        if not layer:
            break
        depth += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return depth

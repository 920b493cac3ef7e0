"""The body of a message: JSON decoded fast, and where the fast decoder gives up, record by record."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from flowscope.protocol.errors import ProtocolError, visible
from flowscope.protocol.payloads import depth_of, may_hold_long_number

MAX_RECORDS = 100_000
"""How many records one message may hold; a message of millions of empty objects would hold up all others."""
SPLIT_LIMIT = 8 * 1024 * 1024
"""Longest body, in bytes, that is searched for its sound records when it is not JSON as a whole."""
SPLIT_RECORDS = 10_000
"""How many records are looked for in such a body."""
MEND_VALUES = 1_000_000
"""How many values (by their separators) a body may hold to be read by the slow decoder, some microseconds each."""
READ_DEPTH = 1000
"""Nesting of a whole record beyond which it is not read."""
_TOO_DEEP = f"json: nested deeper than {READ_DEPTH:,} levels"

_NOTE = "json: what JSON or UTF-8 does not allow was replaced (unpaired surrogates, NaN, infinities)"
_ROUNDED = "json: integers beyond 64 bits were rounded, the message is too long to keep all their digits"
_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_NUMBER = 1000


class Mended(dict[str, Any]):
    """A record whose JSON had to be mended to be read; `notes` says how."""

    def __init__(self, members: Mapping[str, Any], *notes: str) -> None:
        super().__init__(members)
        self.notes = notes or (_NOTE,)


class Unreadable:
    """Stands in a batch where a record should be that could not be read at all; parse_record raises `error`."""

    __slots__ = ("error",)

    def __init__(self, what: str) -> None:
        self.error = ProtocolError(what)


class _NotJson(str):
    """The text of a number that JSON doesn't have (NaN, Infinity) or no float holds (1e999)."""


def decode_body(body: bytes) -> list[Any]:
    """Return the elements of a JSON array, or the one object, for parse_record to check one by one.

    Numbers keep all their digits; in a body of more than MEND_VALUES values they may be rounded, and the records
    say so. Where the body is not quite JSON, what is sound in it is kept: NaN and the infinities become strings,
    unpaired surrogates and bytes that are not UTF-8 become U+FFFD, and an element that can't be read becomes an
    Unreadable in its place. Raises ProtocolError if there is no object or array, or more than MAX_RECORDS elements.
    """
    value: Any
    body = body.removeprefix(_BOM)
    try:
        value = orjson.loads(body)
        lossy = may_hold_long_number(body)
    except orjson.JSONDecodeError:
        start = body[:64].lstrip()
        if start[:1] not in (b"{", b"["):
            raise ProtocolError(_not_a_body(start)) from None
        value, lossy = None, True
    if lossy:
        value = _with_care(body, value)
    if isinstance(value, list):
        if len(value) > MAX_RECORDS:
            raise ProtocolError(f"body: holds {len(value):,} records, a message may hold {MAX_RECORDS:,}")
        return value
    if isinstance(value, dict):
        return [value]
    raise ProtocolError("body: must be an object or an array of objects")


def _with_care(body: bytes, rounded: Any) -> Any:
    """Decode slowly what the fast decoder refused, or (`rounded`, None if it refused) may have rounded."""
    mendable = body.count(b",") + body.count(b"[") + body.count(b"{") <= MEND_VALUES
    if mendable:
        try:
            return _load_leniently(body)
        except (ValueError, RecursionError):
            pass
    if rounded is None or (mendable and len(body) <= SPLIT_LIMIT):
        return list(_split(body))
    if isinstance(rounded, list):
        return [Mended(item, _ROUNDED) if isinstance(item, dict) else item for item in rounded]
    return Mended(rounded, _ROUNDED) if isinstance(rounded, dict) else rounded


def _not_a_body(start: bytes) -> str:
    if re.match(rb"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) ", start):
        return "body: this is HTTP; FlowScope listens for ZeroMQ messages here"
    if not start:
        return "body: empty"
    return f'body: not JSON, begins with "{visible(start[:24].decode("latin-1"), 24)}"'


def _load_leniently(data: bytes) -> Any:
    """Decode with the standard library, which keeps long integers and takes what orjson does not."""
    text = data.decode("utf-8", "surrogateescape")
    value = json.loads(text, strict=False, parse_constant=_NotJson, parse_float=_float, parse_int=_int)
    if isinstance(value, list):
        return [_mend_record(item) for item in value]
    return _mend_record(value)


def _float(text: str) -> float | _NotJson:
    number = float(text)
    return number if math.isfinite(number) else _NotJson(text)


def _int(text: str) -> int | _NotJson:
    return int(text) if len(text) <= _LONGEST_NUMBER else _NotJson(text)


def _mend_record(value: Any) -> Any:
    if depth_of(value, READ_DEPTH) > READ_DEPTH:  # the standard library reads deeper in newer Pythons
        return Unreadable(_TOO_DEEP)
    try:
        orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        return value
    except TypeError:
        mended, changed = _mend(value)
    return Mended(mended) if changed and isinstance(mended, dict) else mended


def _mend(value: Any) -> tuple[Any, bool]:
    """Return the value with what orjson can't write replaced, and whether anything was."""
    if isinstance(value, str):
        if isinstance(value, _NotJson):
            return str(value), True
        clean = _SURROGATE.sub("\ufffd", value)
        return clean, clean != value
    if isinstance(value, list):
        pairs = [_mend(item) for item in value]
        return [item for item, _ in pairs], any(changed for _, changed in pairs)
    if isinstance(value, dict):
        keys = [_mend(key) for key in value]
        values = [_mend(item) for item in value.values()]
        changed = any(changed for _, changed in keys) or any(changed for _, changed in values)
        return {key: item for (key, _), (item, _) in zip(keys, values, strict=True)}, changed
    return value, False


def _split(body: bytes) -> Iterator[Any]:
    """Yield what each element of a broken array decodes to, an Unreadable for each that doesn't."""
    if len(body) > SPLIT_LIMIT:
        yield Unreadable("body: not JSON, and too long to look for sound records in it")
        return
    for count, element in enumerate(_elements(body)):
        if count == SPLIT_RECORDS:
            yield Unreadable(f"body: not JSON; what follows its first {SPLIT_RECORDS:,} records was not read")
            return
        yield element if isinstance(element, Unreadable) else _read_element(element)


def _read_element(text: bytes) -> Any:
    value: Any = None
    try:
        value = orjson.loads(text)
        lossy = may_hold_long_number(text)
    except orjson.JSONDecodeError:
        lossy = True
    if lossy:
        try:
            return _load_leniently(text)
        except RecursionError:
            return Unreadable(_TOO_DEEP) if value is None else value
        except ValueError as error:
            return Unreadable(f"json: {error}")
    return value


def _elements(body: bytes) -> Iterator[bytes | Unreadable]:
    """Yield the bytes of each element of the outermost array, or of the one object."""
    body = body.strip()
    base = 1 if body[:1] == b"[" else 0
    start = base
    level = 0
    for token in _TOKEN.finditer(body):
        sign = token[0]
        if sign in (b"[", b"{"):
            level += 1
        elif sign in (b"]", b"}"):
            level -= 1
            if level == 0:
                yield body[start : token.end() - base]
                if token.end() < len(body):
                    yield Unreadable("body: text after its end")
                return
        elif sign == b"," and level == base == 1:
            yield body[start : token.start()]
            start = token.end()
    yield Unreadable("json: the body ends in the middle of this record")

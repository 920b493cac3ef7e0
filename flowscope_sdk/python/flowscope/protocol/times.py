"""RFC 3339 times to and from whole nanoseconds since 1970-01-01T00:00:00Z, exactly."""

import re
from datetime import date, datetime, timedelta
from typing import Any

from flowscope.protocol.errors import ProtocolError, describe

NS_PER_SECOND = 1_000_000_000
MAX_TIME_NS = 2**63 - 1
"""The last time a record may carry (2262-04-11T23:47:16.854775807Z); the first is 0."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)
_FIRST_NS = (date(1, 1, 1).toordinal() - _EPOCH_DAY) * 86_400 * NS_PER_SECOND
_END_NS = (date(9999, 12, 31).toordinal() + 1 - _EPOCH_DAY) * 86_400 * NS_PER_SECOND
_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_SCALE: tuple[int, ...] = tuple(10 ** (9 - digits) for digits in range(10))

# Records of one batch mostly share their seconds, so the date arithmetic is done once a second seen.
_CACHE_LIMIT = 8192
_seconds: dict[str, int] = {}  # "2026-11-22T15:11:42." -> ns, were it UTC
_prefixes: dict[int, str] = {}  # s -> "2026-11-22T15:11:42"


def parse_time(text: Any) -> int:
    """Return nanoseconds since the epoch (negative before 1970) of an RFC 3339 time, years 0001 to 9999.

    One to nine fraction digits, any offset, `T`, `t` or a space between. A leap second (23:59:60 UTC at a
    month's end) counts as the second after it, as POSIX has it. Raises ProtocolError.
    """
    try:
        base = _seconds.get(text[:20])
        if base is not None and text[-1] == "Z":
            fraction = text[20:-1]
            if fraction.isdigit() and len(fraction) <= 9 and fraction.isascii():
                return base + int(fraction) * _SCALE[len(fraction)]
    except (TypeError, KeyError, AttributeError):
        pass
    return _parse_any(text)


def _parse_any(text: Any) -> int:
    if not isinstance(text, str):
        raise ProtocolError(f"must be an RFC 3339 string, not {describe(text)}")
    found = _FORM.fullmatch(text)
    if found is None:
        raise ProtocolError(_why_not(text))
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    leap = second == "60"
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    except ValueError:
        raise ProtocolError(f"{describe(text)} is not a day of the calendar") from None
    if int(hour) > 23 or int(minute) > 59 or (int(second) > 59 and not leap):
        raise ProtocolError(f"{describe(text)} is not a time of day")
    local = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    offset = 0
    if sign:
        if int(off_hour) > 23 or int(off_minute) > 59:
            raise ProtocolError(f"{describe(text)} has an impossible offset")
        offset = (int(off_hour) * 3600 + int(off_minute) * 60) * (1 if sign == "+" else -1)
    ns = (local - offset) * NS_PER_SECOND + (int(fraction) * _SCALE[len(fraction)] if fraction else 0)
    if not _FIRST_NS <= ns < _END_NS:
        raise ProtocolError(f"{describe(text)} is outside the years 0001 to 9999 in UTC")
    if leap and not _follows_month_end(local - offset):
        raise ProtocolError(f"{describe(text)} has second 60 where no leap second can be")
    if fraction and not leap:
        if len(_seconds) >= _CACHE_LIMIT:
            _seconds.clear()
        _seconds[text[:20]] = local * NS_PER_SECOND
    return ns


def _follows_month_end(seconds: int) -> bool:
    """Whether this is the first second of a month: what the leap second of the month before counts as."""
    return seconds % 86_400 == 0 and date.fromordinal(seconds // 86_400 + _EPOCH_DAY).day == 1


def _why_not(text: str) -> str:
    if _FORM.fullmatch(text + "Z"):
        return f"{describe(text)} has no time zone; end it with Z for UTC"
    if re.fullmatch(r".*\.[0-9]{10,}(?:[Zz]|[+-][0-9:]+)", text[:80], re.ASCII):
        return f"{describe(text)} has more than 9 fraction digits"
    return f'{describe(text)} is not an RFC 3339 time such as "2026-11-22T15:11:42.123Z"'


def format_time(ns: int) -> str:
    """Return the RFC 3339 form in UTC of nanoseconds since the epoch, with 0, 3, 6 or 9 fraction digits.

    Raises ProtocolError outside the years 0001 to 9999.
    """
    seconds, fraction = divmod(ns, NS_PER_SECOND)
    prefix = _prefixes.get(seconds)
    if prefix is None:
        if not _FIRST_NS <= ns < _END_NS:
            raise ProtocolError(f"{ns} ns is outside the years 0001 to 9999")
        if len(_prefixes) >= _CACHE_LIMIT:
            _prefixes.clear()
        prefix = _prefixes[seconds] = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    if not fraction:
        return prefix + "Z"
    if fraction % 1_000:
        return f"{prefix}.{fraction:09d}Z"
    if fraction % 1_000_000:
        return f"{prefix}.{fraction // 1_000:06d}Z"
    return f"{prefix}.{fraction // 1_000_000:03d}Z"

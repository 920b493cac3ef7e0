"""Numbers, times and strings as a person reads them: short, with a unit, safe on one line."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime

_NS = 1_000_000_000


def duration(ns: int) -> str:
    """Nanoseconds with three significant figures: `12 µs`, `452 ms`, `1.84 s`, `2 m 05 s`, `3 h 12 m`, `5 d 04 h`."""
    if ns < 0:
        return "-" + duration(-ns)
    if ns < 1_000:
        return f"{ns} ns"
    if ns < 999_500:
        return f"{_three(ns / 1e3)} µs"
    if ns < 999_500_000:
        return f"{_three(ns / 1e6)} ms"
    if ns < 59_995_000_000:
        return f"{ns / 1e9:.3g} s" if ns >= 10 * _NS else f"{ns / 1e9:.2f} s"
    seconds = round(ns / _NS)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(hours, 24)
    return f"{days:,} d {hours:02d} h"


def offset(ns: int) -> str:
    """A time counted from a beginning, which itself is `0 s`."""
    return duration(ns) if ns else "0 s"


def exact_duration(ns: int) -> str:
    """Nanoseconds as the filter language reads them, nothing rounded: `383ms`, `1.25s`."""
    for unit, size in (("s", _NS), ("ms", 1_000_000), ("us", 1_000)):
        if ns >= size:
            whole, rest = divmod(ns, size)
            digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return f"{ns}ns"


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def count(number: int) -> str:
    """An exact count with thousands apart: `48,210`."""
    return f"{number:,}"


def rate(number: float) -> str:
    """How many a second: `48,210`; below ten with a decimal, so that a little is not nothing: `0.4`, `<0.1`."""
    if 0 < number < 0.05:
        return "<0.1"
    return f"{number:.1f}".removesuffix(".0") if number < 9.95 else count(round(number))


def short_count(number: int) -> str:
    """A count in four characters or so: `812`, `4.2k`, `88k`, `1.9M`."""
    if number < 1_000:
        return str(number)
    for limit, unit in ((999_500, "k"), (999_500_000, "M")):
        if number < limit:
            value = number / (1e3 if unit == "k" else 1e6)
            return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"
    return f"{number / 1e9:.1f}G"


def tokens(number: int) -> str:
    """`4.2k tok`."""
    return f"{short_count(number)} tok"


def dollars(amount: float) -> str:
    """US dollars: `$12.40`, below one of them two figures: `$0.21`, `$0.0031`; next to none is `<$0.00001`."""
    if 0 < amount < 0.000_005:
        return "<$0.00001"
    if amount >= 0.995 or amount == 0:
        return f"${amount:,.2f}"
    decimals = 1 - math.floor(math.log10(amount))
    rounded = round(amount, decimals)
    return f"${rounded:.{max(1 - math.floor(math.log10(rounded)), 2)}f}"


def size(number: int) -> str:
    """Bytes in decimal units: `812 B`, `84 MB`."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def clock(ns: int, *, seconds: bool = True) -> str:
    """The local wall clock of a time in nanoseconds since the epoch; times out of the calendar's reach stay numbers."""
    try:
        moment = datetime.fromtimestamp(ns / 1e9).astimezone()
    except (OverflowError, OSError, ValueError):
        return f"{ns} ns"
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def when(ns: int, now_ns: int) -> str:
    """How long ago, as lists say it: `09:41`, `yesterday`, `Fri`, `3 Oct`, `2024-10-03`."""
    try:
        moment, now = datetime.fromtimestamp(ns / 1e9), datetime.fromtimestamp(now_ns / 1e9)
    except (OverflowError, OSError, ValueError):
        return "–"
    days = (now.date() - moment.date()).days
    if days == 0:
        return moment.strftime("%H:%M")
    if days == 1:
        return "yesterday"
    if 1 < days < 7:
        return moment.strftime("%a")
    if moment.year == now.year:
        return f"{moment.day} {moment:%b}"
    return moment.strftime("%Y-%m-%d")


# Line and paragraph separators and the marks that reorder text: a label must not break or lie about its order.
_REPLACED = {"\u2028": " ", "\u2029": " ", "\t": " ", "\n": " ", "\r": " "}


def one_line(text: str, limit: int = 200) -> str:
    """`text` (untrusted) on one line of at most `limit` characters, control and reordering characters made visible."""
    cut = text[: limit + 1]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(_visible(character) for character in cut)
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"


def _visible(character: str) -> str:
    if character in _REPLACED:
        return _REPLACED[character]
    category = unicodedata.category(character)
    if category == "Cc":
        return chr(0x2400 + ord(character)) if ord(character) < 0x20 else "\N{REPLACEMENT CHARACTER}"
    if category in ("Cf", "Cs", "Co") and character not in "\u200c\u200d":  # joiners shape scripts and emoji
        return "\N{REPLACEMENT CHARACTER}"
    return character

"""Ticks of the time axis: round steps in the units a person counts in."""

from __future__ import annotations

from dataclasses import dataclass

_US, _MS, _S, _MIN, _H, _D = 10**3, 10**6, 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9
_STEPS: tuple[int, ...] = (
    *(mantissa * 10**power for power in range(9) for mantissa in (1, 2, 5)),
    *(_S * count for count in (1, 2, 5, 10, 15, 30)),
    *(_MIN * count for count in (1, 2, 5, 10, 15, 30)),
    *(_H * count for count in (1, 2, 3, 6, 12)),
    *(_D * count for count in (1, 2, 7, 14)),
)
_YEARLY = _D * 28
# A label has at most so many whole units and so many decimals; beyond that it counts from an anchor:
# "+200 ns" says more than "12.3000002 s".
_MOST_UNITS = 10_000
_MOST_DECIMALS = 4


@dataclass(frozen=True)
class Ticks:
    """Positions (ns since the epoch) with a label each; with an `anchor`, labels count from that time."""

    step: int  # ns
    times: list[int]
    labels: list[str]
    anchor: str = ""


def step_for(span: int, width: int, *, least_px: int = 90) -> int:
    """The least round step, in ns, that keeps ticks `least_px` pixels apart."""
    least = span * least_px / width
    for step in _STEPS:
        if step >= least:
            return step
    step = _YEARLY
    while step < least:
        step *= 2
    return step


def ticks(t0: int, t1: int, width: int, origin: int, *, least_px: int = 90) -> Ticks:
    """Ticks for `t0 <= t < t1` on `width` pixels, counted from `origin`."""
    step = step_for(t1 - t0, width, least_px=least_px)
    first = -(-(t0 - origin) // step) * step
    relative = list(range(first, t1 - origin, step))
    times = [origin + time for time in relative]
    if step >= _S or not relative:
        return Ticks(step, times, [_clock(time, step) for time in relative])
    unit, name = _unit(step)
    digit = 10 ** (len(str(step)) - 1)  # the least decimal place that differs from tick to tick
    large = unit
    while large < _S and max(abs(first), abs(relative[-1])) >= _MOST_UNITS * large:
        large *= 1000
    if large > digit * 10**_MOST_DECIMALS:
        base = first // (1000 * unit) * 1000 * unit
        labels = [f"+{(time - base) // unit} {name}" for time in relative]
        return Ticks(step, times, labels, anchor=exact(base, 1000 * unit))
    if large == _S:
        return Ticks(step, times, [exact(time, digit) for time in relative])
    return Ticks(step, times, [_decimal(time, large, digit) for time in relative])


def _unit(step: int) -> tuple[int, str]:
    for unit, name in ((_US, "ns"), (_MS, "µs"), (_S, "ms")):
        if step < unit:
            return unit // 1000, name
    return _S, "s"


def _decimal(time: int, unit: int, digit: int) -> str:
    decimals = max(0, len(str(unit)) - len(str(digit)))
    whole, fraction = divmod(abs(time), unit)
    tail = f".{fraction * 10**decimals // unit:0{decimals}d}" if decimals else ""
    return f"{'−' if time < 0 else ''}{whole}{tail} {_unit(unit)[1]}"


def _clock(time: int, step: int) -> str:
    sign, seconds = ("−" if time < 0 else ""), abs(time) // _S
    days, rest = divmod(seconds, 86_400)
    hours, minutes, seconds = rest // 3600, rest // 60 % 60, rest % 60
    if step >= _D:
        return f"{sign}{days} d"
    if step < _MIN and not (days or hours or minutes):
        return f"{sign}{seconds} s"
    clock = f"{hours}:{minutes:02d}:{seconds:02d}" if hours or days or step >= _H else f"{minutes}:{seconds:02d}"
    return f"{sign}{days} d {clock}" if days else f"{sign}{clock}"


def exact(time: int, precision: int) -> str:
    """A time since the session's start with all digits down to `precision` ns: `12.3004 s`, `1:02:03.25`."""
    sign, time = ("−", -time) if time < 0 else ("", time)
    seconds, fraction = divmod(time, _S)
    digits = max(0, len(str(_S)) - len(str(max(1, precision))))
    tail = f".{fraction:09d}"[: digits + 1] if digits else ""
    if seconds < 60:
        return f"{sign}{seconds}{tail} s"
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}{tail}" if hours else f"{sign}{minutes}:{seconds:02d}{tail}"

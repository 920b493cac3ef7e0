"""How far the clocks of two programs are apart, told by the calls between them. Nothing is corrected by it, only said.

A call starts after its caller's start and, if its caller waits for it, ends before its caller's end. Where a program's
spans do not, its clock is ahead or behind. Each call bounds by how much; the less longer its caller's span is, the
tighter: the rule of NTP's clock filter, and Cristian's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowscope_app.analysis.snapshot import Int, Int32, Mask

MARGIN_NS = 2_000_000
"""What clocks of one machine differ by in two languages is not worth a word."""
_TIGHTEST = 4  # the share of calls that tells: one of so many, those with the tightest bounds


@dataclass(frozen=True)
class Skew:
    """The clock of program `program` is about `ahead_ns` ahead of that of `other`, give or take `within_ns`.

    `rows` are calls between the two that show it, the clearest first.
    """

    program: int
    other: int
    ahead_ns: int
    within_ns: int
    rows: Int32


def skews(start: Int, end: Int, parent: Int32, program: Int32, ended: Mask, rows: Int32 | None = None) -> list[Skew]:
    """Pairs of programs whose clocks are apart by more than MARGIN_NS, the farthest first.

    Times in ns; `parent` is a row or -1; `program` numbers the program of each span, 0 where it is not known; `ended`
    are spans whose end is known. `rows` are those to look at, all if None. A call that took longer than its caller was
    not waited for and tells nothing. Clocks are taken to be apart where most calls can't be explained otherwise.
    """
    calls = np.arange(len(start), dtype=np.int32) if rows is None else rows
    calls = calls[parent[calls] >= 0]
    up = parent[calls]
    known = (program[calls] != program[up]) & (program[calls] > 0) & (program[up] > 0) & ended[calls] & ended[up]
    calls, up = calls[known], up[known]
    room = (end[up] - start[up]) - (end[calls] - start[calls])  # how much longer the caller's span is
    waited = room >= 0
    calls, up, room = calls[waited], up[waited], room[waited]
    ahead = ((start[calls] - start[up]) + (end[calls] - end[up])) // 2
    one, two = program[calls], program[up]
    # Calls in both directions tell of the same two clocks.
    swapped = one > two
    ahead = np.where(swapped, -ahead, ahead)
    pair = (np.where(swapped, two, one).astype(np.int64) << 32) + np.where(swapped, one, two)
    order = np.argsort(pair, kind="stable")
    _, first = np.unique(pair[order], return_index=True)
    found = []
    for of in np.split(order, first[1:]) if len(order) else []:
        numbers = divmod(int(pair[of[0]]), 1 << 32)
        skew = _between(*numbers, ahead[of], room[of] // 2, calls[of])
        if skew is not None:
            found.append(skew)
    return sorted(found, key=lambda skew: -skew.ahead_ns)


def _between(first: int, second: int, ahead: Int, within: Int, rows: Int32) -> Skew | None:
    """What the calls between two programs tell: `ahead` of the first by each call, give or take `within`."""
    excess = np.abs(ahead) - within  # what no order of events explains
    shows = excess > MARGIN_NS
    if 2 * np.count_nonzero(shows) <= len(rows):
        return None
    tightest = np.argsort(within, kind="stable")[: max(1, len(rows) // _TIGHTEST)]
    by = int(np.median(ahead[tightest]))
    if abs(by) <= MARGIN_NS:
        return None
    clearest = np.flatnonzero(shows)[np.argsort(-excess[shows], kind="stable")]
    told = first, second
    if by < 0:
        told = second, first
    return Skew(*told, abs(by), int(np.median(within[tightest])), rows[clearest])

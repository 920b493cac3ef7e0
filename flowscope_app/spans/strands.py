"""On which track a span is drawn.

A call that a framework hands to a worker thread is still a step of its caller: it is drawn below it, not on a
track of its own. Only what begins a tree in a program, or crosses into another program, is drawn on the track of the
thread that it ran in; and the threads of one pool (`ThreadPoolExecutor-0_0`, `-0_1`, …) share one track, as do the
tasks of one program that nobody has named (`Task-4`, `Task-5`, …: a server has one a request).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from flowscope_app.spans.index import Rows

_BLOCK = 1 << 16  # rows at a time: what is worked out about them stays in the processor's cache
# How Python's executors name their threads: a prefix, `_` and a number; and how asyncio does its tasks.
_POOLED = re.compile(r"(?P<pool>.+)_\d+|(?:(?P<program>.+) · )?Task-\d+")
_MAIN = ("MainThread", "main")  # as Python calls it, and Node


@dataclass(frozen=True)
class Track:
    """One line of execution: a thread or task of a program."""

    key: int
    label: str  # "support_bot.py"
    detail: str  # "python 3.11 · pid 41822 · MainThread"
    producer: str
    thread: str = ""  # its name; empty: the main one
    task: str = ""  # the name of the event loop's task; empty: none
    program: str = ""  # "support_bot.py"

    @property
    def process(self) -> tuple[str, str]:
        """The parts of `detail` that are the process's ("python 3.11 · pid 41822") and the thread's ("MainThread")."""
        rest = self.detail.removesuffix(f" · {self.task}") if self.task else self.detail
        before, _, last = rest.rpartition(" · ")
        return (before, last) if last == self.thread or (not self.thread and last in _MAIN) else (rest, "")


class Strands:
    """Which tracks belong together; grows with the tracks of a session."""

    def __init__(self) -> None:
        self.tracks: dict[int, Track] = {}  # by the key of the first track of each group
        self._members: dict[int, int] = {}
        self._groups: dict[tuple[str, str], int] = {}
        self._producers: dict[str, int] = {}
        self._group = np.zeros(1, np.int32)  # by track key
        self._producer = np.zeros(1, np.int32)

    def learn(self, tracks: Mapping[int, Track]) -> None:
        """Take in tracks; a track already known may have another label now."""
        if not tracks:
            return
        self._make_room(max(tracks))
        for key, track in sorted(tracks.items()):
            pooled = _POOLED.fullmatch(track.label)
            pool = pooled["pool"] or "" if pooled else track.label  # "": of a program's tasks
            group = self._groups.setdefault((track.producer, pool), key) if pooled else key
            if key not in self._members:
                self._members[key] = group
            self._group[key] = group
            self._producer[key] = self._producers.setdefault(track.producer, len(self._producers) + 1)
            self.tracks[group] = self._shown(group, track, pooled) if pooled else track

    def _make_room(self, key: int) -> None:
        """A track that nothing is known of stands for itself."""
        known = len(self._group)
        if key >= known:
            grown = np.arange(known, max(key + 1, 2 * known), dtype=np.int32)
            self._group = np.concatenate((self._group, grown))
            self._producer = np.concatenate((self._producer, -grown))

    def _shown(self, group: int, track: Track, pooled: re.Match[str]) -> Track:
        members = sum(1 for other in self._members.values() if other == group)
        detail, _, _member = track.detail.rpartition(" · ")
        name, what = (pooled["pool"], "thread") if pooled["pool"] else (pooled["program"] or "tasks", "task")
        said = f"{members} {what}{'' if members == 1 else 's'}"
        return replace(track, key=group, label=name, detail=f"{detail} · {said}" if detail else said)

    def assign(self, strand: Rows, rows: Rows | slice, parent: Rows, track: Rows) -> None:
        """Fill `strand` in place for `rows`, whose parents outside `rows` have theirs already."""
        blocks = [rows] if not isinstance(rows, slice) else _blocks(rows.start, rows.stop)
        if not len(track[rows]):
            return
        self._make_room(int(track[rows].max()))
        for block in blocks:
            up, own = parent[block], track[block]
            below = (up >= 0) & (self._producer[track[up]] == self._producer[own])
            # Who takes its caller's points to it (-1 - row) until that is known; each round goes twice as far up.
            strand[block] = np.where(below, -1 - up, self._group[own])
        for block in blocks:
            waiting = block[strand[block] < 0]
            while len(waiting):
                strand[waiting] = strand[-1 - strand[waiting]]
                waiting = waiting[strand[waiting] < 0]


def _blocks(first: int, end: int) -> list[Rows]:
    return [np.arange(at, min(at + _BLOCK, end), dtype=np.int32) for at in range(first, end, _BLOCK)]

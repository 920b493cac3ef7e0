"""Which track each span is drawn on: one a program, a thread, a task, or one a thread with all that it called."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import numpy as np

from flowscope_app.spans.index import Rows
from flowscope_app.spans.table import SpanTable, Track


class Grouping(StrEnum):
    """What a track of the timeline is; the values are kept in the settings."""

    CALLER = "caller"  # a thread, with what its calls handed to other threads and tasks of the program
    PROGRAM = "program"
    THREAD = "thread"
    TASK = "task"  # a task of a thread's event loop, or a thread's spans outside of any


def grouping_of(text: str) -> Grouping:
    """The grouping of that name; callers if there is none."""
    return Grouping(text) if text in Grouping.__members__.values() else Grouping.CALLER


class Groups:
    """The groups of a table's spans; follows the tracks that the table learns of.

    A group has the number of the first of its tracks, so that it stays what it is while more come.
    """

    def __init__(self, table: SpanTable, grouping: Grouping = Grouping.CALLER) -> None:
        self.table = table
        self.grouping = grouping
        self._told: dict[int, Track] = {}  # tracks as they were taken in
        self._first: dict[tuple[str, ...], int] = {}  # the group of each program, thread or task
        self._members: dict[int, list[Track]] = {}
        self._group: Rows = np.zeros(1, np.int32)  # by track
        self._known = np.zeros(1, np.bool_)  # by track: whether it was taken in
        self._guessed: set[int] = set()  # tracks of spans that were grouped before it was
        self._shown: dict[int, Track] = {}
        self.learn()

    @property
    def tracks(self) -> dict[int, Track]:
        """What to say of each group, by its number."""
        return self.table.strands if self.grouping is Grouping.CALLER else self._shown

    def of(self, rows: Rows | slice) -> Rows:
        """The group of each of some rows."""
        return self.made(self.source()[rows])

    def source(self) -> Rows:
        """The column of the table that tells each row's group."""
        return self.table.strand if self.grouping is Grouping.CALLER else self.table.track

    def made(self, track: Rows) -> Rows:
        """The groups that values of that column stand for."""
        if self.grouping is Grouping.CALLER:
            return track
        if not len(track):
            return track
        self._make_room(int(track.max()))
        known = self._known[track]
        if not known.all():
            self._guessed.update(np.unique(track[~known]).tolist())
        return self._group[track]

    def learn(self) -> bool:
        """Take in what the table learned of its tracks; whether spans that were there are in another group now."""
        if self.grouping is Grouping.CALLER:
            return False
        moved = False
        for key, track in self.table.tracks.items():
            if self._told.get(key) is track:
                continue
            self._told[key] = track
            group = self._first.setdefault(self._name(track), key)
            moved |= group != key and key in self._guessed
            self._make_room(key)
            self._group[key], self._known[key] = group, True
            members = self._members.setdefault(group, [])
            members[:] = [other for other in members if other.key != key] + [track]
            self._shown[group] = self._said(group, members)
        return moved

    def _make_room(self, key: int) -> None:
        """A track that nothing is known of is a group of its own."""
        known = len(self._group)
        if key >= known:
            self._group = np.concatenate((self._group, np.arange(known, max(key + 1, 2 * known), dtype=np.int32)))
            self._known = np.concatenate((self._known, np.zeros(len(self._group) - known, np.bool_)))

    def _name(self, track: Track) -> tuple[str, ...]:
        if self.grouping is Grouping.PROGRAM:
            return (track.producer,)
        if self.grouping is Grouping.THREAD:
            return track.producer, track.thread
        return track.producer, track.thread, track.task

    def _said(self, group: int, members: list[Track]) -> Track:
        """A group's label and detail: those of its own track, less what its tracks do not share."""
        first = min(members, key=lambda track: (track.thread != "", track.task != "", track.key))
        if self.grouping is Grouping.TASK:
            return first
        process, thread = first.process
        if self.grouping is Grouping.THREAD:
            label = first.thread or (first.label if not first.task else first.program or first.label)
            return replace(first, key=group, label=label, detail=_joined(process, thread, _counted(members, "task")))
        label = first.program or first.label
        return replace(first, key=group, label=label, detail=_joined(process, _counted(members, "thread")))


def _counted(members: list[Track], what: str) -> str:
    """How many threads or tasks they are of: `3 threads`, or nothing for none."""
    count = len({track.thread for track in members} if what == "thread" else {t.task for t in members} - {""})
    return f"{count} {what}{'' if count == 1 else 's'}" if count else ""


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)

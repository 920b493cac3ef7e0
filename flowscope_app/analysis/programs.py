"""Which program each span belongs to: threads and tasks of one process are one program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from flowscope_app.analysis.snapshot import Int32
from flowscope_app.spans import query
from flowscope_app.spans.query_match import matching_tracks
from flowscope_app.spans.rows import ProducerRow
from flowscope_app.spans.table import Track


def programs_of(track: Int32, tracks: Mapping[int, Track]) -> tuple[Int32, dict[int, str]]:
    """A number for the program of each span, and the producer that each number stands for."""
    numbers: dict[str, int] = {}
    number_of = np.zeros(int(track.max(initial=0)) + 1, np.int32)  # keys are small: the store counts them up
    for key in sorted(tracks):
        number = numbers.setdefault(tracks[key].producer, len(numbers) + 1)
        if key < len(number_of):
            number_of[key] = number
    return number_of[track], {number: producer for producer, number in numbers.items()}


def program_labels(producers: Iterable[ProducerRow]) -> dict[str, str]:
    """What a person calls each producer, by its id: `support_bot.py · pid 41822`."""
    labels = {}
    for row in producers:
        name = row.program or row.language or row.id
        labels[row.id] = name if row.pid is None else f"{name} · pid {row.pid}"
    return labels


def program_term(producer: str, label: str, tracks: Mapping[int, Track]) -> str:
    """A term of the filter language that holds for the spans of one producer and for no others.

    The shortest there is: a part of the program's label, or else every one of its tracks by name.
    """
    wanted = {key for key, track in tracks.items() if track.producer == producer}
    name, _dot, process = label.rpartition(" · ")
    for part in (name, process, f"{process} ·"):
        term = f'program:"{_escaped(part)}"'
        if part and matching_tracks(query.parse(term).terms[0], tracks) == wanted:
            return term
    names = dict.fromkeys(f"{tracks[key].label} {tracks[key].detail}" for key in sorted(wanted))
    return "program=" + ",".join(f'"{_escaped(name)}"' for name in names)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

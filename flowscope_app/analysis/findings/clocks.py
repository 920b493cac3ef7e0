"""Clocks of programs that are apart, in words: it explains calls that seem to begin before they were made."""

from __future__ import annotations

from collections.abc import Mapping

from flowscope_app.analysis.clocks import Skew, skews
from flowscope_app.analysis.findings.finding import Finding
from flowscope_app.analysis.programs import programs_of
from flowscope_app.analysis.snapshot import Snapshot
from flowscope_app.base import format as fmt
from flowscope_app.spans.table import Track


def clocks_apart(spans: Snapshot, tracks: Mapping[int, Track]) -> list[Finding]:
    """A finding for each pair of programs whose clocks are apart."""
    program, producers = programs_of(spans.track, tracks)
    found = skews(spans.start, spans.end, spans.parent, program, ~spans.pending)
    names = {number: program_name(producer, tracks) for number, producer in producers.items()}
    return [_finding(skew, names) for skew in found]


def clock_notes(spans: Snapshot, tracks: Mapping[int, Track]) -> dict[str, str]:
    """What is to be said of the clock of a program, in few words, by its producer's id."""
    program, producers = programs_of(spans.track, tracks)
    notes: dict[str, str] = {}
    for skew in skews(spans.start, spans.end, spans.parent, program, ~spans.pending):
        one, other = producers[skew.program], producers[skew.other]
        by = fmt.duration(skew.ahead_ns)
        notes.setdefault(one, f"clock about {by} ahead of {program_name(other, tracks)}")
        notes.setdefault(other, f"clock about {by} behind {program_name(one, tracks)}")
    return notes


def program_name(producer: str, tracks: Mapping[int, Track]) -> str:
    """What a person calls a program: the name of the first of its tracks."""
    return next((tracks[key].label for key in sorted(tracks) if tracks[key].producer == producer), "") or "a program"


def _finding(skew: Skew, names: Mapping[int, str]) -> Finding:
    one, other = names[skew.program], names[skew.other]
    by = fmt.duration(skew.ahead_ns)
    return Finding(
        rule="clocks apart",
        concern="wrong",
        title=f"The clock of {one} is about {by} ahead of that of {other}",
        advice=f"Give or take {fmt.duration(skew.within_ns)}: else {_calls(len(skew.rows))} between them could not "
        "have happened in this order. Times are shown as each program told them; nothing is corrected.",
        rows=skew.rows,
    )


def _calls(count: int) -> str:
    return "a call" if count == 1 else f"{fmt.count(count)} calls"

"""Numbers and strings as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowscope_app.base import format as fmt


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (12_340, "12.3 µs"),
        (452_000_000, "452 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1.00 s"),
        (1_840_000_000, "1.84 s"),
        (12_340_000_000, "12.3 s"),
        (59_995_000_000, "1 m 00 s"),
        (125_000_000_000, "2 m 05 s"),
        (11_520_000_000_000, "3 h 12 m"),
        (10 * 365 * 86_400_000_000_000, "3,650 d 00 h"),
        (-1_000, "-1 µs"),
    ],
)
def test_durations_have_a_sensible_unit(ns: int, text: str) -> None:
    assert fmt.duration(ns) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (812, "812"),
        (4_210, "4.2k"),
        (9_960, "10k"),
        (88_000, "88k"),
        (999_600, "1.0M"),
        (1_900_000, "1.9M"),
        (3 * 10**9, "3.0G"),
    ],
)
def test_short_counts(number: int, text: str) -> None:
    assert fmt.short_count(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (84_000_000, "84 MB")])
def test_sizes(number: int, text: str) -> None:
    assert fmt.size(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (1e-7, "<$0.00001"),
        (0.00014, "$0.00014"),
        (0.00995, "$0.010"),
        (0.6942, "$0.69"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars_keep_two_figures(amount: float, text: str) -> None:
    assert fmt.dollars(amount) == text


def test_rates_tell_a_little_from_nothing() -> None:
    assert [fmt.rate(value) for value in (0, 0.04, 0.4, 1.0, 9.94, 9.96, 48_210.4)] == [
        "0", "<0.1", "0.4", "1", "9.9", "10", "48,210",
    ]  # fmt: skip


def test_a_label_cannot_break_the_line_or_reverse_its_order() -> None:
    assert fmt.one_line("a\nb\x00\u202egpj.exe\u2028c") == "a b\u2400\ufffdgpj.exe c"
    assert fmt.one_line("family: 👨\u200d👩\u200d👧") == "family: 👨\u200d👩\u200d👧"


@given(st.text(), st.integers(1, 50))
def test_a_label_is_never_longer_than_asked(text: str, limit: int) -> None:
    line = fmt.one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_has_a_clock(ns: int) -> None:
    assert fmt.clock(ns)
    assert fmt.when(ns, 0)

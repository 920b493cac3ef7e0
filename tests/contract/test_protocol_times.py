"""Times on the wire: exact to the nanosecond, both ways, for every form that RFC 3339 has."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowscope.protocol import ProtocolError, format_time, parse_time

FIRST = -62_135_596_800 * 10**9
LAST = 253_402_300_800 * 10**9 - 1
ALL_NS = st.integers(FIRST, LAST)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(ALL_NS)
def test_formatted_time_parses_to_the_same_nanosecond(ns: int) -> None:
    text = format_time(ns)
    assert parse_time(text) == ns
    assert parse_time(text) == ns  # again, now that its second is known
    assert len(text) in (20, 24, 27, 30)


@given(ALL_NS, ALL_NS)
def test_formatted_times_order_as_text_within_a_number_of_digits(a: int, b: int) -> None:
    one, other = format_time(a), format_time(b)
    if len(one) == len(other):
        assert (one < other) == (a < b)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)), st.integers(-1439, 1439))
def test_offset_and_fraction_agree_with_datetime(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_time(moment.isoformat()) == (moment - EPOCH) // timedelta(microseconds=1) * 1000


@given(st.integers(0, 10**9 - 1), st.integers(1, 9))
def test_fraction_digits_count_from_the_left(fraction: int, digits: int) -> None:
    text = f"{fraction:09d}"[:digits]
    assert parse_time(f"1970-01-01T00:00:00.{text}Z") == int(text.ljust(9, "0"))


@given(st.text() | st.from_regex(r"2026-11-22T15:11:42[.\d_+ Zz:-]*", fullmatch=True))
def test_any_text_is_a_time_or_one_clear_error(text: str) -> None:
    parse_time("2026-11-22T15:11:42.5Z")  # so that the second is known and the fast path is tried
    try:
        ns = parse_time(text)
    except ProtocolError as error:
        assert error.reason.isprintable()
    else:
        assert FIRST <= ns <= LAST


@pytest.mark.parametrize("text", ["2026-11-22T15:11:42.Z", "2026-11-22T15:11:42.+1Z", "2026-11-22T15:11:42.1_0Z"])
def test_known_second_does_not_make_the_rest_pass(text: str) -> None:
    parse_time("2026-11-22T15:11:42.5Z")
    with pytest.raises(ProtocolError, match="RFC 3339"):
        parse_time(text)


def test_bounds_of_the_calendar() -> None:
    assert parse_time("0001-01-01T00:00:00Z") == FIRST
    assert parse_time("9999-12-31T23:59:59.999999999Z") == LAST
    assert format_time(FIRST) == "0001-01-01T00:00:00Z"
    for text in ("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z"):
        with pytest.raises(ProtocolError, match="years 0001 to 9999"):
            parse_time(text)
    for ns in (FIRST - 1, LAST + 1):
        with pytest.raises(ProtocolError, match="years 0001 to 9999"):
            format_time(ns)


def test_one_nanosecond_before_the_epoch() -> None:
    assert format_time(-1) == "1969-12-31T23:59:59.999999999Z"
    assert parse_time("1969-12-31T23:59:59.999999999Z") == -1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-11-22T15:11:42", '"2026-11-22T15:11:42" has no time zone; end it with Z for UTC'),
        ("2026-11-22T15:11:42.1234567891Z", '"2026-11-22T15:11:42.1234567891Z" has more than 9 fraction digits'),
        ("2026-02-30T00:00:00Z", '"2026-02-30T00:00:00Z" is not a day of the calendar'),
        ("2026-11-22T25:00:00Z", '"2026-11-22T25:00:00Z" is not a time of day'),
        ("2026-11-22T15:11:42+99:00", '"2026-11-22T15:11:42+99:00" has an impossible offset'),
        ("soon", '"soon" is not an RFC 3339 time such as "2026-11-22T15:11:42.123Z"'),
        (5, "must be an RFC 3339 string, not a number"),
        (None, "must be an RFC 3339 string, not null"),
        (["x"] * 30, "must be an RFC 3339 string, not an array"),
        ({}, "must be an RFC 3339 string, not an object"),
    ],
)
def test_error_says_what_is_wrong(text: object, reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_time(text)
    assert caught.value.reason == reason

"""Times as people write them into an address."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.times import parse_time

NOON_MS = 1_769_860_800_000  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "1769860800000",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+00:00",
        "2026-01-31T12:00:00 00:00",
        "2026-01-31T14:30:00 0230",
        "2026-01-31 12:00:00",
        "2026-01-31 12:00",
        "2026-01-31 14:00:00.000 02:00",
    ],
)
def test_a_plus_that_became_a_blank_is_understood(text: str) -> None:
    assert parse_time(text) == NOON_MS


@pytest.mark.parametrize("seconds", [1_735_689_600, 1_000_000_000, "1738368000"])
def test_seconds_are_refused_with_the_milliseconds_to_send(seconds: object) -> None:
    with pytest.raises(ValueError, match=f"seconds\\? send milliseconds: {seconds}000"):
        parse_time(seconds)


@pytest.mark.parametrize("text", ["20260131", "2026", 20260131, "202601", "1", "999999999"])
def test_what_may_be_a_date_without_its_hyphens_is_no_time_of_1970(text: object) -> None:
    with pytest.raises(ValueError, match="2026-01-31"):
        parse_time(text)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - the zone comes below
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_is_the_same_with_and_without_its_plus(moment: datetime, offset: int) -> None:
    there = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    wanted = int(there.astimezone(UTC).timestamp()) * 1000

    assert parse_time(there.isoformat()) == wanted
    assert parse_time(there.isoformat().replace("+", " ")) == wanted


def test_the_beginning_of_all_time_may_be_asked_for() -> None:
    assert parse_time("0") == 0

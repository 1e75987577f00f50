"""Start times, as settings and options give them."""

from datetime import UTC, datetime

import pytest

from schemas.since import since_ms
from tests.support.builders import START_MS


@pytest.mark.parametrize("text", ["9999d", "99999d", "1970-01-01", "2008-12-31T23:59"])
def test_what_is_before_the_first_market_is_its_beginning(text: str) -> None:
    begun = datetime.fromtimestamp(since_ms(text, now_ms=START_MS) / 1000, UTC)

    assert begun == datetime(2009, 1, 1, tzinfo=UTC)


def test_days_back_and_dates_are_taken_as_they_are() -> None:
    assert since_ms("2d", now_ms=START_MS) == START_MS - 2 * 86_400_000
    assert since_ms("2017-08-01", now_ms=START_MS) == 1_501_545_600_000
    assert since_ms("2017-08-01T02:00+02:00", now_ms=START_MS) == 1_501_545_600_000

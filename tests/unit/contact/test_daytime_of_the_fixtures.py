"""The fixtures' customers may be contacted whenever the tests run."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import move_business_time, real_now
from tests.stories.calling import Calling
from tests.stories.on_the_line import OnTheLine
from tests.stories.texting import Texting, a_daytime_phone, hours_end

# an ordinary day, and days on which clocks change in the United States or in Britain
DAYS = ["2026-11-30", "2027-03-14", "2027-03-28", "2027-07-01", "2027-10-31", "2027-11-07"]


@pytest.fixture
def at():
    yield lambda moment: move_business_time(moment - real_now())
    move_business_time(None)


@pytest.mark.parametrize("fixture", [Texting, Calling, OnTheLine])
@pytest.mark.parametrize("day", DAYS)
def test_the_customer_has_contact_hours_left_at_any_time(fixture: type[Texting], day: str, at):
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for minutes in range(0, 24 * 60, 30):
        now = start + timedelta(minutes=minutes)
        at(now)
        phone = a_daytime_phone(fixture.phones, fixture.home)
        end = hours_end(phone, fixture.home)
        assert end, (now, phone)
        assert end - now > timedelta(hours=1), (now, phone)

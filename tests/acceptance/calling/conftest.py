"""Fixtures: a clinic in a call with its customer."""

from collections.abc import Iterator
from typing import Any

import pytest

from models import transactions
from providers.twilio import client as twilio_api
from runtime.clock import move_business_time
from runtime.settings import get_settings
from tests.stories.on_the_line import OnTheLine
from tests.stories.texting import TWILIO
from tests.stories.voice import VAPI


@pytest.fixture
def line(
    client: Any, valkey: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OnTheLine]:
    """A call in progress, with a customer who is not verified yet."""
    for name, value in {**TWILIO, **VAPI, "TWILIO_API_BASE": stand_in.url}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    yield OnTheLine(client, valkey.client(), stand_in)
    move_business_time(None)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()


@pytest.fixture
def patient(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make concurrent writers wait for each other for as long as a busy machine needs."""
    monkeypatch.setattr(transactions.database.obj, "patience", 120.0, raising=False)

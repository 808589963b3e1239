"""The fixture of the tests about deploying."""

from collections.abc import Iterator
from typing import Any

import pytest

from providers.twilio import client as twilio_api
from runtime.settings import get_settings
from sandbox.vapi.provider import Vapi
from tests.stand_ins.stand_in import StandIn
from tests.stories.vapi_clinic import VapiClinic


@pytest.fixture
def deploying(
    database_url: str,
    valkey: Any,
    stand_in: StandIn,
    voice: Vapi,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[VapiClinic]:
    """A clinic with a verified card and a forwarded number configured."""
    monkeypatch.setenv("TWILIO_API_BASE", stand_in.url)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    yield VapiClinic(stand_in, voice, valkey.client())
    twilio_api.client.cache_clear()

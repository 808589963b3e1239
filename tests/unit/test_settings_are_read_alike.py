"""The suite's quick reader of settings reads the environment as pydantic does."""

import pytest
from pydantic_settings import EnvSettingsSource

from runtime.settings import Settings
from tests import read_once

ENVIRONMENT = {
    "DATABASE_URL": "sqlite:///here.db",
    "redis_url": "redis://localhost:6379",
    "Port": "8123",
    "PUBLIC_URL": "",
    "WEBHOOKS_TO_LOOPBACK": "yes",
    "PAYPHONE_SETTLING": "0.25",
    "LOG_LEVEL": " debug",
    "STRIPE_API_BASE": "http://127.0.0.1:9/",
    "A_NAME_THAT_IS_NO_SETTING": "1",
}


class Asked(Settings):
    """Settings as pydantic reads them."""

    __init__ = read_once._read_settings


def test_the_quick_reader_reads_settings_as_pydantic_does(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert Settings.__init__ is read_once._read_quickly
    assert Settings().model_dump() == Asked().model_dump()
    assert Settings().model_fields_set == Asked().model_fields_set
    assert Settings().port == 8123


def test_an_invalid_setting_gives_the_same_error_as_pydantic(monkeypatch):
    monkeypatch.setenv("PORT", "no port")
    told = []
    for kind in (Settings, Asked):
        with pytest.raises(ValueError, match="valid integer") as refused:
            kind()
        told.append(refused.value.errors())
    assert told[0] == told[1]


def test_no_setting_is_of_a_type_that_pydantic_parses_as_json():
    """The quick reader does not parse JSON, as pydantic does for settings of complex types."""
    source = EnvSettingsSource(Settings)
    assert not any(map(source.field_is_complex, Settings.model_fields.values()))

"""Settings that point at stand-ins for Google, an OAuth server, Open Dental and NexHealth."""

import pytest

from runtime.settings import get_settings
from tests.stories.connecting import DEVELOPER_KEY, GOOGLE, PRACTICE, PUBLIC_URL, Connecting


@pytest.fixture
def clinic(client, stand_in, valkey, monkeypatch, tmp_path):
    """A clinic that has not connected anything yet."""
    file = tmp_path / "providers.toml"
    file.write_text(PRACTICE.format(url=stand_in.url))
    settings = GOOGLE | {
        "PUBLIC_URL": PUBLIC_URL,
        "GOOGLE_API_BASE": stand_in.url,
        "OPEN_DENTAL_API_BASE": f"{stand_in.url}/open-dental",
        "OPEN_DENTAL_DEVELOPER_KEY": DEVELOPER_KEY,
        "NEXHEALTH_API_BASE": f"{stand_in.url}/nexhealth",
        "OAUTH_PROVIDERS": str(file),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield Connecting(client, stand_in, valkey.client())
    get_settings.cache_clear()

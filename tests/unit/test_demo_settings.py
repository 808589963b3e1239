"""The demo talks to itself on this machine, whatever proxy its shell knows."""

import pytest

from runtime.settings import get_settings
from simulation.demo_settings import demo_settings


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("given", ["", "intranet.example"])
def test_no_proxy_carries_what_the_demo_says_to_itself(monkeypatch, name, given):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("PORT", "0")
    if given:
        monkeypatch.setenv("NO_PROXY", given)
    get_settings.cache_clear()
    settings = demo_settings("once")
    for spelt in ("NO_PROXY", "no_proxy"):
        hosts = settings[spelt].split(",")
        assert {"127.0.0.1", "localhost"} <= set(hosts)
        assert not given or given in hosts

"""The demo's processes talk to each other on this machine, whatever proxies the shell has set."""

import os
from urllib.parse import urlsplit

import pytest

from runtime.settings import Settings, get_settings
from simulation.demo_settings import demo_settings


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("given", ["", "intranet.example"])
def test_the_demos_local_traffic_bypasses_proxies(monkeypatch, name, given):
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


def test_the_demos_ports_are_below_the_ephemeral_range(monkeypatch):
    """Given that systems hand out ports from 32768 up to processes that name none, then the demo's
    three ports are below that.
    """
    monkeypatch.setenv("PORT", "0")
    get_settings.cache_clear()
    settings = demo_settings("once")
    names = ("PUBLIC_URL", "SANDBOX_URL", "REDIS_URL")
    ports = {urlsplit(settings[name]).port for name in names}
    assert len(ports) == 3
    assert max(ports) < 32_768


def test_every_provider_api_of_the_demo_is_the_sandbox(monkeypatch):
    """Every API base is the sandbox, so that nothing typed into the demo leaves this machine."""
    for name in (name for name in os.environ if name.endswith("_API_BASE")):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORT", "0")
    get_settings.cache_clear()
    settings = demo_settings("no-story")
    bases = [name.upper() for name in Settings.model_fields if name.endswith("_api_base")]
    assert len(bases) >= 6
    sandbox = urlsplit(settings["SANDBOX_URL"]).netloc
    assert {name: urlsplit(settings.get(name, "")).netloc for name in bases} == dict.fromkeys(
        bases, sandbox
    )

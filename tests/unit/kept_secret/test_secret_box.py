"""Secrets at rest are sealed with the newest key, and opened with any key that is set."""

import pytest

from runtime.errors import Misconfigured
from runtime.secret_box import seal, unseal
from tests.running.processes import reset_process


@pytest.fixture
def keys(monkeypatch):
    def use(text):
        monkeypatch.setenv("PAYPHONE_SECRET_KEY", text)
        reset_process()

    yield use
    reset_process()


def test_sealing_hides_the_secret_and_never_gives_the_same_text_twice(keys):
    keys("first")
    sealed = seal("whsec_secret")
    assert "whsec" not in sealed
    assert sealed != seal("whsec_secret")
    assert unseal(sealed) == "whsec_secret"


def test_rotating_the_key_loses_no_secret(keys):
    keys("old")
    sealed = seal("whsec_secret")
    keys("new,old")
    assert unseal(sealed) == "whsec_secret"
    resealed = seal("whsec_secret")
    keys("new")
    assert unseal(resealed) == "whsec_secret"
    with pytest.raises(Misconfigured, match="any key in"):
        unseal(sealed)


def test_without_a_key_nothing_is_sealed(keys):
    keys("")
    with pytest.raises(Misconfigured, match="PAYPHONE_SECRET_KEY"):
        seal("whsec_secret")

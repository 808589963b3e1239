"""`doctor` shows what keeps clinics from connecting, which integrations have expired, and which are
not revoked yet.
"""

import pytest

from actions.integrations.connectors import connector_of
from actions.integrations.credentials import record_expired
from bin.commands.checks.integrations import check_integrations, check_providers
from models.transactions import transaction
from runtime.settings import get_settings

pytestmark = pytest.mark.one_database


def found(findings):
    return [(finding.level, finding.found) for finding in findings]


def test_doctor_is_ok_with_configured_providers_and_shows_no_secret(clinic):
    """Given our registration at Google and a provider file, then both are reported as ok, without a
    secret.
    """
    told = list(check_providers(get_settings()))
    assert {finding.level for finding in told} == {"ok"}
    assert "https://pay.example.com/api/oauth/callback" in told[0].found
    assert told[1].found == "names dentos"
    assert "secret" not in str(told)
    assert found(check_integrations()) == [("ok", "none has expired")]


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"GOOGLE_CLIENT_SECRET": ""}, "fail", "not set"),
        ({"GOOGLE_CLIENT_ID": "", "GOOGLE_CLIENT_SECRET": ""}, "ok", "not set up"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "warn", "not an https://"),
        ({"OAUTH_PROVIDERS": "/nowhere/x.toml"}, "fail", "cannot be read"),
        ({"OPEN_DENTAL_DEVELOPER_KEY": ""}, "ok", "each clinic gives its own"),
    ],
    ids=["half", "nothing", "plain http", "no file", "no developer key"],
)
def test_doctor_names_missing_or_wrong_provider_settings(clinic, monkeypatch, change, level, words):
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    told = [each for each in check_providers(get_settings()) if words in each.found]
    assert [each.level for each in told] == [level]
    assert level == "ok" or told[0].advice


def test_doctor_fails_when_a_developer_key_that_clinics_need_is_removed(clinic, monkeypatch):
    """Given a clinic that relies on our developer key, when that setting is removed, then doctor
    names it and the clinic.
    """
    clinic.connects("open_dental")
    assert found(check_integrations()) == [("ok", "none has expired")]
    monkeypatch.setenv("OPEN_DENTAL_DEVELOPER_KEY", "")
    get_settings.cache_clear()
    told = next(iter(check_integrations()))
    assert (told.level, told.what) == ("fail", "OPEN_DENTAL_DEVELOPER_KEY")
    assert clinic.account.id in told.found


def test_doctor_counts_expired_and_unrevoked_integrations(clinic):
    row = clinic.connects("google")
    with transaction():
        record_expired(row, connector_of("google"), "invalid_grant")
    clinic.connects("dentos")
    clinic.ask("DELETE", "/integrations/dentos")
    told = found(check_integrations())
    assert told[0] == ("warn", f"1 expired: google of {clinic.account.id}")
    assert told[1] == ("warn", "1 disconnected, but not yet revoked at the provider")
    assert len(told) == 2

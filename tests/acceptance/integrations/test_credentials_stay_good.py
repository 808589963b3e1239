"""A credential is renewed before it expires, by one process at a time. One that no longer works is
shown and reported, and the receptionist goes on without it; one that is disconnected is revoked at
its provider.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from peewee import OperationalError

from actions.integrations import renew as renewing
from actions.integrations.credentials import LEAD, opened
from actions.integrations.renew import renew_credential, request_renewal, revoke_credential
from delivery.attempt import Snooze
from jobs.refresh_integrations import refresh_integrations
from models.delivery.staged_job import StagedJob
from models.integrations.integration import Integration
from models.transactions import transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import NotYet
from runtime.secret_box import is_newest
from runtime.settings import get_settings
from tests.stories.connecting import KEYS, Connecting

CONSENTED = ("google", "dentos")


def is_due(row):
    """Make the credential due for renewal or verification."""
    soon = {"expires_at": real_now() + timedelta(minutes=1)} if row.expires_at else {}
    with transaction():
        Integration.update(
            renew_at=real_now() - timedelta(seconds=1),
            verified_at=real_now() - timedelta(days=2),
            **soon,
        ).where(Integration.id == row.id).execute()


def claim_runs_out(row):
    """Expire the lease of the process that is renewing the credential."""
    with transaction():
        Integration.update(renewing_until=real_now() - timedelta(seconds=1)).where(
            Integration.id == row.id
        ).execute()


def scanned(clinic, rounds=0):
    refresh_integrations.perform()
    clinic.works(rounds)


@pytest.mark.parametrize("provider", [*CONSENTED, "nexhealth"])
def test_a_credential_is_renewed_before_it_expires(clinic, provider):
    """Given a token that lasts an hour, then it is due ten minutes before it expires, and the scan
    renews it only once it is due.
    """
    row = clinic.connects(provider)
    assert timedelta(0) <= row.expires_at - LEAD - row.renew_at < timedelta(seconds=1)
    before = opened(row)["access"]
    scanned(clinic)
    assert opened(clinic.row(provider))["access"] == before
    is_due(row)
    scanned(clinic)
    fresh = clinic.row(provider)
    assert opened(fresh)["access"] != before
    assert fresh.renew_at > real_now()
    assert fresh.state == "connected"
    assert {job.state for job in StagedJob.select()} == {"done"}


def test_a_credential_that_cannot_be_renewed_does_not_block_others(clinic, monkeypatch):
    """Given more due credentials than one scan takes, and a provider that is down, when the scan
    runs again, then it reaches the others.
    """
    monkeypatch.setitem(refresh_integrations.perform.__globals__, "BATCH", 1)
    rows = [clinic.connects(provider) for provider in ("google", "nexhealth")]
    for row in rows:
        is_due(row)
    clinic.fault("error_500", "google", "/oauth2/token", times=9)
    for _ in rows:
        with pytest.raises(Snooze):
            refresh_integrations.perform()
    refresh_integrations.perform()
    clinic.works()
    assert clinic.row("nexhealth").renew_at > real_now() + timedelta(minutes=20)
    assert clinic.row("google").renew_at < real_now() + timedelta(minutes=20)


def test_losing_a_rotated_refresh_token_expires_the_integration(clinic):
    """Given a server that rotates refresh tokens, when its answer is lost, then nobody can know the
    new token: the integration expires, and the clinic is told.
    """
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    clinic.fault("refuse_after", "oauth", "/oauth/token")
    is_due(row)
    scanned(clinic)
    claim_runs_out(row)
    clinic.works(rounds=1)
    assert clinic.shown("dentos")["state"] == "expired"
    assert [kind for kind, _ in clinic.told()] == ["integration.expired"]


def test_a_rotated_refresh_token_is_stored(clinic):
    """Given a server that rotates refresh tokens, when it is renewed twice, then the newest token
    is stored.
    """
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    seen = {opened(row)["refresh"]}
    for _ in range(2):
        is_due(row)
        scanned(clinic)
        seen.add(opened(clinic.row("dentos"))["refresh"])
    assert len(seen) == 3
    assert clinic.row("dentos").state == "connected"


@pytest.mark.parametrize("failures", [1, 2])
def test_a_renewal_survives_a_brief_database_outage(clinic, monkeypatch, failures):
    """Given a server that rotates refresh tokens, when the database fails while the new ones are
    stored, then the write is repeated and the server is not called again.
    """
    monkeypatch.setattr(renewing, "PAUSE", 0.0)
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    is_due(row)
    real = Integration.record
    left = [OperationalError("injected: the database is away")] * failures

    def record(self, now, **values):
        if "expires_at" in values and left:
            raise left.pop()
        real(self, now, **values)

    monkeypatch.setattr(Integration, "record", record)
    renew_credential(row.id)
    assert left == []
    fresh = clinic.row("dentos")
    assert opened(fresh)["refresh"] in clinic.server("dentos").refresh
    assert (fresh.state, fresh.renewing_until) == ("connected", None)
    assert len(clinic.asked("oauth", "/oauth/token")) == 2


@pytest.mark.one_database
@pytest.mark.parametrize("lasts", [None, "3600.0", 10**12, "soon", -1])
def test_a_token_with_a_missing_or_odd_expiry_is_still_renewed(clinic, lasts):
    """Given a server that gives no expiry or an odd one, when a token has expired, then it is
    renewed with the stored refresh token.
    """
    server = clinic.server("dentos")
    server.habits.said_to_last = [lasts]
    row = clinic.connects("dentos")
    before = opened(row)["access"]
    server.access = {token: [grant, 0] for token, (grant, _) in server.access.items()}
    is_due(row)
    scanned(clinic)
    assert clinic.shown("dentos")["state"] == "connected"
    assert opened(clinic.row("dentos"))["access"] != before
    assert clinic.told() == []


def test_two_processes_never_renew_a_credential_at_once(clinic):
    """Given a renewal in progress, when another process wants to renew, then it must wait and sends
    nothing: a refresh token used twice would end the consent.
    """
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    is_due(row)
    write = request_renewal(row.id)
    with pytest.raises(NotYet):
        renew_credential(row.id, early=True)
    with transaction():
        write()
    assert len(clinic.asked("oauth", "/oauth/token")) == 2  # the code exchange, and one renewal
    assert clinic.row("dentos").state == "connected"


def test_a_renewal_based_on_a_stale_read_is_skipped(clinic, monkeypatch):
    """Given two processes that have read the row, when the first has renewed it, then the second
    notices and leaves it.
    """
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    is_due(row)
    stale = Integration.get_by_id(row.id)
    renew_credential(row.id)
    real = Integration.get_by_id
    reads = iter([stale])
    monkeypatch.setattr(Integration, "get_by_id", lambda key: next(reads, None) or real(key))
    renew_credential(row.id)
    assert len(clinic.asked("oauth", "/oauth/token")) == 2
    assert clinic.row("dentos").renewing_until is None


@pytest.mark.parametrize("provider", CONSENTED)
def test_a_withdrawn_consent_is_shown_and_reported_once(clinic, provider):
    """Given a consent that has ended at the provider (withdrawn, or after the seven days of a
    Google app in testing), when it is renewed, then the integration is `expired`, the feed says so
    once, and connecting again heals it.
    """
    row = clinic.connects(provider)
    server = clinic.server(provider)
    for grant in list(server.grants):
        server.end(grant)
    is_due(row)
    scanned(clinic, rounds=2)
    shown = clinic.shown(provider)
    assert shown["state"] == "expired"
    assert "Connect it again" in shown["error"]
    (event,) = clinic.told()
    assert event[0] == "integration.expired"
    assert event[1]["provider"] == provider
    assert event[1]["integrationId"] == row.id
    is_due(row)
    scanned(clinic)
    assert len(clinic.told()) == 1
    assert clinic.connects(provider).id == row.id
    assert clinic.shown(provider)["error"] == ""


@pytest.mark.parametrize("provider", KEYS)
def test_keys_removed_by_the_practice_expire_the_integration(clinic, provider):
    """Given a practice that has removed our key, when it is verified, then the integration is
    `expired`.
    """
    row = clinic.connects(provider)
    clinic.practice.key_pairs.clear()
    clinic.practice.api_keys.clear()
    is_due(row)
    scanned(clinic)
    assert clinic.shown(provider)["state"] == "expired"
    assert [kind for kind, _ in clinic.told()] == ["integration.expired"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("error_500", False),
        ("rate_limit_429", True),
        ("bad_gateway", False),
        ("refuse", False),
        ("forbidden_403", True),
    ],
)
def test_no_integration_expires_when_the_provider_fails(clinic, kind, answers):
    """Given a provider in trouble, then nothing expires and the job tries again: at once if the
    provider answered, or once the lease has expired if it may still be working on the request.
    """
    row = clinic.connects()
    before = opened(row)["access"]
    clinic.fault(kind, "google", "/oauth2/token")
    is_due(row)
    scanned(clinic)
    assert clinic.row().state == "connected"
    assert (clinic.row().renewing_until is None) == answers
    if not answers:
        clinic.works(rounds=1)
        assert len(clinic.asked("google", "/oauth2/token")) == 2  # the code, and one renewal
        claim_runs_out(row)
    clinic.works(rounds=1)
    assert opened(clinic.row())["access"] != before
    assert clinic.told() == []


def test_a_lost_renewal_answer_is_retried_where_refresh_tokens_stay_valid(clinic):
    """Given Google, whose refresh tokens stay valid, when an answer is lost, then the next attempt
    renews it.
    """
    row = clinic.connects()
    clinic.fault("refuse_after", "google", "/oauth2/token")
    is_due(row)
    scanned(clinic)
    claim_runs_out(row)
    clinic.works(rounds=1)
    assert clinic.row().state == "connected"
    assert clinic.row().renew_at > real_now()


def test_a_wrong_client_secret_of_ours_expires_no_integration(clinic):
    """Given a wrong client secret of ours, then no clinic's integration expires."""
    row = clinic.connects()
    clinic.server("google").clients.clear()
    is_due(row)
    with pytest.raises(ProviderError) as raised:
        renew_credential(row.id)
    assert raised.value.code == "invalid_client"
    assert "client id" in raised.value.advice
    assert clinic.shown()["state"] == "connected"


@pytest.mark.parametrize("provider", CONSENTED)
def test_disconnecting_revokes_the_grant_and_erases_the_credential(clinic, provider):
    """Given a connected calendar, when the clinic disconnects it, then it is `revoked` at once, a
    job ends the provider's grant, and the credential is erased.
    """
    row = clinic.connects(provider)
    assert clinic.ask("DELETE", f"/integrations/{provider}").status_code == 204
    assert clinic.shown(provider)["state"] == "revoked"
    assert clinic.row(provider).sealed != ""
    waiting = clinic.post(f"/integrations/{provider}/authorize")
    assert (waiting.status_code, waiting.json["code"]) == (409, "conflict")
    clinic.works()
    assert clinic.server(provider).grants == {}
    assert clinic.row(provider).sealed == ""
    (job,) = StagedJob.select().where(StagedJob.name == "revoke_integration")
    assert (job.state, job.args) == ("done", f'["{row.id}"]')
    assert clinic.ask("DELETE", f"/integrations/{provider}").status_code == 404
    assert clinic.connects(provider).id != row.id
    assert clinic.told() == []


@pytest.mark.parametrize("provider", KEYS)
def test_disconnecting_erases_the_keys(clinic, provider):
    clinic.connects(provider)
    assert clinic.ask("DELETE", f"/integrations/{provider}").status_code == 204
    clinic.works()
    assert clinic.row(provider).sealed == ""
    assert clinic.shown(provider)["state"] == "revoked"


def test_a_revocation_is_repeated_when_its_answer_is_lost(clinic):
    """Given a revocation whose answer is lost, then the job repeats it; a token that is already
    revoked is no error.
    """
    clinic.connects()
    clinic.fault("refuse_after", "google", "/oauth2/revoke")
    clinic.ask("DELETE", "/integrations/google")
    clinic.works(rounds=1)
    assert clinic.server("google").grants == {}
    assert clinic.row().sealed == ""
    assert clinic.row().error == ""


def test_a_revocation_that_keeps_failing_does_not_block_reconnecting(clinic):
    """Given Google failing for as long as the job tries, then the scan stages a new job; after a
    day without one, the credential is erased, the clinic is told to revoke it by hand, and it can
    connect again.
    """
    row = clinic.connects()
    clinic.fault("error_500", "google", "/oauth2/revoke", times=1000)
    clinic.ask("DELETE", "/integrations/google")
    dead = {"state": "dead", "attempts": 16}
    clinic.works()
    jobs = StagedJob.update(dead).where(StagedJob.name == "revoke_integration")
    jobs.execute()
    scanned(clinic)
    asked = len(clinic.asked("google", "/oauth2/revoke"))
    assert asked == 2
    assert clinic.post("/integrations/google/authorize").status_code == 409
    with transaction():
        row.record(real_now() - timedelta(days=2), error="")
    scanned(clinic)
    assert clinic.row().sealed != ""  # a job is still trying
    jobs.execute()
    scanned(clinic)
    assert clinic.row().sealed == ""
    assert "by hand" in clinic.shown()["error"]
    assert clinic.connects().id != row.id


def test_a_refused_revocation_is_left_to_the_clinic_to_do_by_hand(clinic):
    """Given a server that refuses to revoke, then the credential is erased here, and the clinic is
    told to revoke it by hand.
    """
    clinic.connects("dentos")
    clinic.fault("forbidden_403", "oauth", "/oauth/revoke")
    clinic.ask("DELETE", "/integrations/dentos")
    clinic.works()
    assert clinic.row("dentos").sealed == ""
    assert "by hand" in clinic.shown("dentos")["error"]


def test_a_provider_that_cannot_revoke_is_left_to_the_clinic_to_do_by_hand(
    clinic, monkeypatch, tmp_path
):
    """Given a provider without an address for revocations, when the clinic disconnects it, then the
    credential is erased here, and the clinic is told that its consent still stands there.
    """
    address = re.compile(r"^revoke = .*$", re.MULTILINE)
    file = tmp_path / "cannot_revoke.toml"
    file.write_text(address.sub("", Path(get_settings().oauth_providers).read_text()))
    monkeypatch.setenv("OAUTH_PROVIDERS", str(file))
    get_settings.cache_clear()
    clinic.connects("dentos")
    clinic.ask("DELETE", "/integrations/dentos")
    clinic.works()
    assert clinic.row("dentos").sealed == ""
    assert "by hand" in clinic.shown("dentos")["error"]
    assert clinic.connects("dentos").error == ""


def test_tokens_renewed_during_disconnection_are_revoked_too(clinic):
    """Given a renewal in progress, when the clinic disconnects, then the revocation waits for it
    and revokes the new tokens.
    """
    clinic.server("dentos").habits.rotates = True
    row = clinic.connects("dentos")
    is_due(row)
    write = request_renewal(row.id)
    clinic.ask("DELETE", "/integrations/dentos")
    with pytest.raises(NotYet):
        revoke_credential(row.id)
    with transaction():
        write()
    clinic.works(rounds=1)
    assert clinic.server("dentos").grants == {}
    assert clinic.row("dentos").sealed == ""


def test_a_clinic_cannot_disconnect_another_clinics_integration(clinic):
    other = Connecting(clinic.client, clinic.stand_in, clinic.redis)
    clinic.connects()
    answer = clinic.client.simulate_delete(f"{clinic.home}/integrations/google", headers=other.key)
    assert answer.status_code == 404
    assert clinic.shown()["state"] == "connected"


def test_renewal_reseals_a_credential_with_the_newest_secret_key(clinic, monkeypatch):
    """Given a new PAYPHONE_SECRET_KEY in front of the old one, when a credential is renewed or
    verified, then it is sealed with the new one.
    """
    rows = [clinic.connects(provider) for provider in ("google", "open_dental")]
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", "a-newer-key,test-secret-key")
    get_settings.cache_clear()
    assert not any(is_newest(clinic.row(row.provider).sealed) for row in rows)
    for row in rows:
        is_due(row)
    scanned(clinic)
    assert all(is_newest(clinic.row(row.provider).sealed) for row in rows)

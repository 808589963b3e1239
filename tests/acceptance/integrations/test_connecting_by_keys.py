"""A clinic connects its practice software with keys (B23): Open Dental's key pair, or NexHealth's
API key, which is exchanged for a bearer token. A harmless call verifies each.
"""

from datetime import timedelta

import pytest

from actions.integrations.credentials import opened
from actions.integrations.renew import renew_credential
from models.accounts.audit_entry import AuditEntry
from models.integrations.integration import Integration
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.settings import get_settings
from tests.stories.connecting import API_KEY, CUSTOMER_KEY, DEVELOPER_KEY, KEYS

KINDS = {"open_dental": "key_pair", "nexhealth": "token"}
HARMLESS = {
    "open_dental": "/open-dental/appointments/Slots",
    "nexhealth": "/nexhealth/available_slots",
}


@pytest.mark.parametrize("provider", KEYS)
def test_a_clinic_connects_with_its_keys_and_they_stay_secret(clinic, provider):
    """Given valid keys, then a read-only call verifies them, they are stored sealed, and no answer,
    audit entry or column shows them.
    """
    answer = clinic.post(f"/integrations/{provider}/connect", KEYS[provider])
    assert answer.status_code == 200, answer.text
    assert answer.json["state"] == "connected"
    assert answer.json["credential"] == KINDS[provider]
    asked = clinic.asked(provider, HARMLESS[provider])
    assert [(each["method"], each["status"]) for each in asked] == [("GET", 200)]
    row = clinic.row(provider)
    everything = (
        answer.text + str(row.__data__) + str([entry.detail for entry in AuditEntry.select()])
    )
    for secret in (CUSTOMER_KEY, DEVELOPER_KEY, API_KEY, *clinic.practice.tokens):
        assert secret not in everything


def test_the_review_lists_connected_and_expired_integrations(clinic):
    """Given one connected practice system and one that must be connected again, then the review
    says so for each.
    """
    assert clinic.get("").json["steps"]["integrations"]["message"].startswith("None is connected")
    for provider in KEYS:
        assert clinic.post(f"/integrations/{provider}/connect", KEYS[provider]).status_code == 200
    Integration.update(state="expired").where(Integration.provider == "nexhealth").execute()
    assert clinic.get("").json["steps"]["integrations"] == {
        "complete": True,
        "message": "Connected: Open Dental. Must be connected again: NexHealth.",
        "missing": [],
    }


def test_a_clinic_can_give_its_own_open_dental_developer_key(clinic, monkeypatch):
    """Given an installation without a developer key, then a clinic must give its own; without one,
    the answer names the setting.
    """
    monkeypatch.setenv("OPEN_DENTAL_DEVELOPER_KEY", "")
    get_settings.cache_clear()
    alone = clinic.post("/integrations/open_dental/connect", KEYS["open_dental"])
    assert alone.status_code == 503
    assert "OPEN_DENTAL_DEVELOPER_KEY" in alone.json["detail"]
    both = KEYS["open_dental"] | {"developerKey": DEVELOPER_KEY}
    assert clinic.post("/integrations/open_dental/connect", both).status_code == 200
    assert opened(clinic.row("open_dental")) == both


def test_our_open_dental_developer_key_is_not_stored_with_a_clinics_key(clinic, monkeypatch):
    """Given an installation whose developer key is replaced, then its clinics use the new one;
    while none is set, the clinic's own key is not declared invalid.
    """
    assert clinic.post("/integrations/open_dental/connect", KEYS["open_dental"]).status_code == 200
    assert opened(clinic.row("open_dental")) == KEYS["open_dental"]
    clinic.practice.key_pairs = {f"a-newer-key/{CUSTOMER_KEY}"}
    monkeypatch.setenv("OPEN_DENTAL_DEVELOPER_KEY", "a-newer-key")
    get_settings.cache_clear()
    row = clinic.row("open_dental")
    row.record(real_now(), verified_at=real_now() - timedelta(days=2))
    renew_credential(row.id)
    assert clinic.shown("open_dental")["state"] == "connected"
    monkeypatch.setenv("OPEN_DENTAL_DEVELOPER_KEY", "")
    get_settings.cache_clear()
    with pytest.raises(ProviderError, match="OPEN_DENTAL_DEVELOPER_KEY"):
        renew_credential(row.id, early=True)
    assert clinic.shown("open_dental")["state"] == "connected"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("provider", "change", "field"),
    [
        ("open_dental", {"customerKey": None}, "customerKey"),
        ("open_dental", {"apiKey": "x"}, "apiKey"),
        ("nexhealth", {"locationId": None}, "locationId"),
        ("nexhealth", {"apiKey": "two words"}, "apiKey"),
        ("nexhealth", {"apiKey": ""}, "apiKey"),
        ("nexhealth", {"password": "x"}, "password"),
    ],
)
def test_an_invalid_field_is_named_before_the_provider_is_called(clinic, provider, change, field):
    body = {key: value for key, value in (KEYS[provider] | change).items() if value is not None}
    answer = clinic.post(f"/integrations/{provider}/connect", body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]
    assert clinic.world.shared.requests.select({"provider": provider}) == []


@pytest.mark.one_database
@pytest.mark.parametrize("provider", KEYS)
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("refuse", 503, "provider_unavailable"),
        ("error_500", 503, "provider_unavailable"),
        ("rate_limit_429", 503, "provider_unavailable"),
        ("forbidden_403", 422, "provider_refused"),
    ],
)
def test_nothing_is_stored_when_the_provider_fails(clinic, provider, kind, status, code):
    clinic.fault(kind, provider, "*")
    answer = clinic.post(f"/integrations/{provider}/connect", KEYS[provider])
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert Integration.select().count() == 0


@pytest.mark.parametrize("provider", KEYS)
def test_invalid_keys_are_refused_without_repeating_them(clinic, provider):
    clinic.practice.key_pairs.clear()
    clinic.practice.api_keys.clear()
    answer = clinic.post(f"/integrations/{provider}/connect", KEYS[provider])
    assert (answer.status_code, answer.json["code"]) == (422, "provider_refused")
    assert "unauthorized" in answer.json["detail"]
    assert API_KEY not in answer.text
    assert CUSTOMER_KEY not in answer.text


def test_the_wrong_way_to_connect_is_refused_with_the_right_one(clinic):
    """Given the wrong way to connect, then the answer names the right one."""
    for provider, way in (("google", "connect"), ("open_dental", "authorize")):
        answer = clinic.post(f"/integrations/{provider}/{way}")
        assert answer.status_code == 409
        right = {"connect": "/authorize", "authorize": "/connect"}[way]
        assert f"/{provider}{right}" in answer.json["detail"]


def test_a_repeated_connect_request_connects_once(clinic):
    key = {"Idempotency-Key": "connect-1"}
    first = clinic.post("/integrations/nexhealth/connect", KEYS["nexhealth"], **key)
    again = clinic.post("/integrations/nexhealth/connect", KEYS["nexhealth"], **key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert clinic.row("nexhealth").version == 1
    assert len(clinic.asked("nexhealth", "/nexhealth/authenticates")) == 1


def test_every_provider_is_listed_with_its_credential_and_fields(clinic):
    """Given nothing connected, then each provider is listed with its kind of credential and its
    fields.
    """
    listed = clinic.get("/integrations").json
    assert listed["hasMore"] is False
    assert [(row["provider"], row["credential"], row["state"]) for row in listed["data"]] == [
        ("google", "oauth", None),
        ("open_dental", "key_pair", None),
        ("nexhealth", "token", None),
        ("dentos", "oauth", None),
    ]
    assert clinic.shown("nexhealth")["connectWith"] == ["apiKey", "subdomain", "locationId"]

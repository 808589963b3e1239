"""A clinic connects its calendar by OAuth (F67): Google at its real addresses, other providers as
described in a file.

A callback works once, for one account, within 15 minutes; no token is ever shown.
"""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from models.accounts.audit_entry import AuditEntry
from models.effects.effect import Effect
from models.integrations.integration import Integration
from models.integrations.oauth_state import OAuthState
from models.transactions import transaction
from providers.google import calendar
from runtime.clock import real_now
from runtime.secret_box import is_newest, unseal
from runtime.settings import get_settings
from tests.stories.connecting import PUBLIC_URL, Connecting
from web.integrations.callback import NOT_DONE

VISA = "4242" * 4


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query))


def test_consent_is_requested_at_googles_real_urls_with_minimal_scopes(clinic, monkeypatch):
    """Given the default Google addresses, when a clinic connects, then it is sent to Google's
    consent page with PKCE, a state, offline access, a consent prompt each time, and no scope that
    reads events.
    """
    monkeypatch.setenv("GOOGLE_API_BASE", "")
    get_settings.cache_clear()
    url = clinic.asks_for_consent()
    asked = query_of(url)
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert asked["access_type"] == "offline"
    assert asked["prompt"] == "consent"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{PUBLIC_URL}/api/oauth/callback"
    assert set(asked["scope"].split()) == set(calendar.SCOPES)
    assert not [scope for scope in calendar.SCOPES if "events" in scope]
    state = OAuthState.select().get()
    verifier = unseal(state.verifier)
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    assert asked["code_challenge"] == hashed.rstrip(b"=").decode()
    assert asked["state"] not in (state.hash, state.verifier)
    assert calendar.google().token == "https://oauth2.googleapis.com/token"
    assert calendar.google().verify.startswith("https://www.googleapis.com/calendar/v3/")


@pytest.mark.parametrize("provider", ["google", "dentos"])
def test_a_clinic_connects_by_consent_and_its_tokens_stay_secret(clinic, provider):
    """Given a clinic that consents, when its browser comes back, then a harmless call verifies the
    tokens, they are stored sealed, and no page, API answer, row or audit entry shows them.
    """
    back = clinic.consents(clinic.asks_for_consent(provider))
    answer = clinic.comes_back(back)
    assert answer.status_code == 200
    assert "is connected" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    row, shown = clinic.row(provider), clinic.shown(provider)
    assert (shown["state"], shown["credential"]) == ("connected", "oauth")
    assert shown["verifiedAt"] is not None
    place = "/www/calendar/v3/users/me/calendarList" if provider == "google" else "/oauth/me"
    assert [each["status"] for each in clinic.asked(clinic.server(provider).name, place)] == [200]
    tokens = [*clinic.server(provider).access, *clinic.server(provider).refresh]
    assert len(tokens) == 2
    everything = (
        answer.text
        + str(shown)
        + str(row.__data__)
        + str([entry.detail for entry in AuditEntry.select()])
    )
    assert not [token for token in tokens if token in everything]
    assert is_newest(row.sealed)
    assert [entry.action for entry in AuditEntry.select()][-1] == "integration.connected"


def test_connect_pms_and_calendar_without_payment(clinic):
    """Connect PMS/Calendar without payment (the testing checklist, F98): given no card, then each
    provider connects, the review shows it, what Deploy still needs does not change, and nothing is
    charged or bought.
    """
    before = clinic.review
    for provider in ("google", "open_dental", "nexhealth", "dentos"):
        clinic.connects(provider)
    after = clinic.review
    assert [(row["provider"], row["state"]) for row in after["integrations"]] == [
        (provider, "connected") for provider in ("google", "open_dental", "nexhealth", "dentos")
    ]
    assert before["integrations"] == []
    assert after["paymentMethodVerified"] is False
    assert before["missing"] == after["missing"]
    told = {"integrations": {"complete": True, "missing": []}}
    told["integrations"]["message"] = "Connected: Google Calendar, Open Dental, NexHealth, dentos."
    assert after["steps"] == before["steps"] | told
    assert Effect.select().count() == 0


def test_a_callback_works_once(clinic):
    """Given a callback that has connected the clinic, when it is opened or its form is sent again,
    then the page says that it was used, but not that nothing was connected, and nothing changes.
    """
    back = clinic.consents(clinic.asks_for_consent())
    form = clinic.form_of(clinic.opens(back))
    assert clinic.says_yes(form).status_code == 200
    version = clinic.row().version
    for again in (clinic.opens(back), clinic.says_yes(form)):
        assert again.status_code == 400
        assert "was already used" in again.text
        assert NOT_DONE not in again.text
    assert clinic.row().version == version
    assert len(clinic.asked("google", "/oauth2/token")) == 1


@pytest.mark.parametrize("changed", [{"state": "made-up"}, {"state": ""}, {"state": "\x00é"}])
def test_a_callback_with_an_unknown_state_is_refused(clinic, changed):
    back = clinic.consents(clinic.asks_for_consent())
    answer = clinic.comes_back(back, **changed)
    assert answer.status_code == 400
    assert clinic.asked("google", "/oauth2/token") == []
    assert Integration.of(clinic.account.id, "google") is None


def test_a_code_is_not_taken_for_a_card_number(clinic):
    """Given a provider whose codes are hexadecimal, and one with the digits of a card number in it,
    then the callback asks to confirm as usual; one that is a card number is refused.
    """
    back = clinic.consents(clinic.asks_for_consent())
    page = clinic.opens(back, code=f"c0ffee{VISA}beef00")
    assert page.status_code == 200
    assert f"Connect Google Calendar to {clinic.account.name}?" in page.text
    # beside it, Microsoft sends the id of its session, and other providers their own URL
    own = "b18c8632-2266-4668-8665-0967dbc38a39"
    beside = {"session_state": own, "iss": f"https://login.example.com/{own}/v2.0"}
    assert clinic.opens(back, **beside).status_code == 200
    assert clinic.opens(back, code=VISA).status_code == 422


def test_an_expired_callback_is_refused(clinic):
    """Given a callback that has expired, then it is refused."""
    back = clinic.consents(clinic.asks_for_consent())
    with transaction():
        OAuthState.update(expires_at=real_now() - timedelta(seconds=1)).execute()
    assert clinic.comes_back(back).status_code == 400
    assert clinic.asked("google", "/oauth2/token") == []


def test_a_callback_connects_only_the_account_that_requested_it(clinic):
    """Given two clinics, when one's callback is opened in any browser, then only that clinic is
    connected.
    """
    other = Connecting(clinic.client, clinic.stand_in, clinic.redis)
    back = clinic.consents(clinic.asks_for_consent())
    other.asks_for_consent()
    assert other.comes_back(back).status_code == 200
    assert clinic.shown()["state"] == "connected"
    assert other.shown()["state"] is None
    foreign = clinic.client.simulate_get(f"{clinic.home}/integrations", headers=other.key)
    assert foreign.status_code == 404


def test_the_callback_page_asks_to_confirm_the_account_first(clinic):
    """Given a callback address sent on to another clinic's owner, when the owner opens it, then the
    page names the account that would get the calendar, and nothing is connected or used up until
    the button is pressed; a form without the code is refused.
    """
    back = clinic.consents(clinic.asks_for_consent())
    page = clinic.opens(back)
    assert page.status_code == 200
    assert f"Connect Google Calendar to {clinic.account.name}?" in page.text
    assert clinic.account.id in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert clinic.asked("google", "/oauth2/token") == []
    assert clinic.shown()["state"] is None
    assert clinic.says_yes({"state": query_of(back)["state"]}).status_code == 422
    assert clinic.comes_back(back).status_code == 400  # without its code, the callback is over


def test_a_clinics_name_is_escaped_on_the_callback_page(clinic):
    clinic.account.name = "<b>Smile</b>"
    clinic.account.save()
    assert "<b>Smile" not in clinic.opens(clinic.consents(clinic.asks_for_consent())).text


def test_a_refused_consent_is_reported_and_changes_nothing(clinic):
    """Given a connected clinic, when it refuses consent the next time, then it stays connected."""
    clinic.connects()
    sealed = clinic.row().sealed
    clinic.server("google").habits.consents = False
    answer = clinic.comes_back(clinic.consents(clinic.asks_for_consent()))
    assert answer.status_code == 422
    assert "You did not give access" in answer.text
    assert (clinic.row().sealed, clinic.row().state) == (sealed, "connected")


def test_a_consent_without_every_scope_is_refused(clinic):
    clinic.server("google").habits.grants_scopes = False
    answer = clinic.comes_back(clinic.consents(clinic.asks_for_consent()))
    assert answer.status_code == 422
    assert "every box" in answer.text
    assert clinic.shown()["state"] is None


def test_offline_access_need_not_be_named_among_the_granted_scopes(clinic, monkeypatch, tmp_path):
    """Given a provider that is asked for `offline_access` and, like Microsoft, answers with a
    refresh token but names the other scopes only, then the clinic is connected; if another scope is
    missing, it is refused.
    """
    known = Path(get_settings().oauth_providers).read_text()
    asked = tmp_path / "offline_access.toml"
    asked.write_text(known.replace('["schedule.read"]', '["schedule.read", "offline_access"]'))
    monkeypatch.setenv("OAUTH_PROVIDERS", str(asked))
    get_settings.cache_clear()
    assert "offline_access" in clinic.asks_for_consent("dentos")
    clinic.connects("dentos")
    assert clinic.shown("dentos")["state"] == "connected"
    clinic.server("dentos").habits.grants_scopes = False
    answer = clinic.comes_back(clinic.consents(clinic.asks_for_consent("dentos")))
    assert "every box" in answer.text


def test_a_callback_without_a_refresh_token_overwrites_nothing(clinic):
    """Given a connected calendar, when Google returns no refresh token the next time, then the
    stored one stays; a clinic without a stored one is told what to do.
    """
    clinic.connects()
    kept = clinic.row().sealed
    clinic.server("google").habits.gives_refresh_token = False
    assert clinic.comes_back(clinic.consents(clinic.asks_for_consent())).status_code == 200
    assert clinic.row().sealed == kept
    fresh = Connecting(clinic.client, clinic.stand_in, clinic.redis)
    answer = fresh.comes_back(fresh.consents(fresh.asks_for_consent()))
    assert answer.status_code == 422
    assert "gave no lasting access" in answer.text
    assert fresh.shown()["state"] is None


def test_connecting_again_replaces_the_tokens(clinic):
    """Given a connected calendar, when the clinic connects again, then there is still one
    integration, with the new tokens.
    """
    first = clinic.connects()
    second = clinic.connects()
    assert (second.id, second.version) == (first.id, first.version + 1)
    assert second.sealed != first.sealed
    assert Integration.select().count() == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("error_500", 503, "did not answer"),
        ("rate_limit_429", 503, "rate_limit"),
        ("bad_gateway", 503, "did not answer"),
        ("refuse_after", 503, "did not answer"),
        ("refused_400", 422, "invalid_grant"),
    ],
)
def test_a_failed_code_exchange_is_reported_and_stores_nothing(clinic, kind, status, word):
    """Given a provider that fails while the code is exchanged, then the page says so, and nothing
    is stored.
    """
    clinic.fault(kind, "google", "/oauth2/token")
    answer = clinic.comes_back(clinic.consents(clinic.asks_for_consent()))
    assert answer.status_code == status
    assert word in answer.text
    assert clinic.shown()["state"] is None


def test_an_unconfigured_or_unknown_provider_is_reported(clinic, monkeypatch):
    """Given no registration at Google, then the API answers `not_configured`, and a browser that
    comes back gets a 503; the list of integrations still works. An unknown provider is a 404 that
    names the known ones.
    """
    back = clinic.consents(clinic.asks_for_consent())
    monkeypatch.setenv("GOOGLE_CLIENT_ID", "")
    get_settings.cache_clear()
    answer = clinic.post("/integrations/google/authorize")
    assert answer.status_code == 503
    assert answer.json["code"] == "not_configured"
    assert clinic.comes_back(back).status_code == 503
    assert clinic.get("/integrations").status_code == 200
    unknown = clinic.post("/integrations/faxes/authorize")
    assert unknown.status_code == 404
    assert "google, open_dental, nexhealth, dentos" in unknown.json["detail"]


def test_a_broken_provider_file_is_reported_and_google_still_connects(
    clinic, monkeypatch, tmp_path
):
    """Given a provider file with a mistake, then the list of integrations is refused, but the
    built-in providers still connect.
    """
    file = tmp_path / "wrong.toml"
    file.write_text('[[provider]]\nname = "x"\n')
    monkeypatch.setenv("OAUTH_PROVIDERS", str(file))
    get_settings.cache_clear()
    listed = clinic.get("/integrations")
    assert listed.status_code == 503
    clinic.connects()
    assert clinic.get("/integrations/google").json["state"] == "connected"

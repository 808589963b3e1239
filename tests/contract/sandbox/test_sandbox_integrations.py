"""The stand-ins of the services that clinics connect (Google, a generic OAuth server, Open Dental
and NexHealth) behave as the real ones do, as far as we use them. They run in process, on the test's
clock.
"""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from sandbox import Sandbox
from sandbox.integrations.authorization import challenge
from sandbox.stripe.exchange import Request

CLIENT, SECRET, BACK = "ours.apps.example", "GOCSPX-ours", "https://pay.example.com/back"
VERIFIER = "v" * 43
OFFLINE = {"access_type": "offline", "prompt": "consent"}
ADDRESSES = {
    "google": ("/accounts/o/oauth2/v2/auth", "/oauth2/token", "/oauth2/revoke"),
    "oauth": ("/oauth/authorize", "/oauth/token", "/oauth/revoke"),
}
READS = {"google": "/www/calendar/v3/users/me/calendarList", "oauth": "/oauth/me"}
PAIR = "ODFHIR developer/customer"
API_KEY = "nxh_key"


class Clock:
    def __init__(self):
        self.time = 1_800_000_000.0

    def __call__(self):
        return self.time


class Outside:
    """The stand-ins, with our OAuth client registered at one authorization server."""

    def __init__(self, server):
        self.clock, self.server = Clock(), server
        self.sandbox = Sandbox(clock=self.clock, wall=self.clock, seed=1)
        self.world = self.sandbox.integrations
        self.books = getattr(self.world, server)
        self.books.clients[CLIENT] = SECRET
        self.authorize, self.token, self.end = ADDRESSES[server]

    def ask(self, method, path, status=200, query=None, authorization="", **body):
        """Send a request, and return the answer's JSON, or the Location of a redirect."""
        headers = {"authorization": authorization, "content-type": "application/json"}
        answer = self.world.serve(
            Request(
                method,
                path,
                urlencode(query or {}),
                json.dumps(body) if body else "",
                headers,
            )
        )
        assert answer.status == status, answer.body
        return answer.headers["Location"] if status == 302 else answer.json()

    def consents(self, **more):
        """Ask for consent, and return the query with which the browser is redirected back to us."""
        query = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": "one two",
            "state": "s-1",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        back = urlsplit(self.ask("GET", self.authorize, 302, query | more))
        assert f"{back.scheme}://{back.netloc}{back.path}" == BACK
        return dict(parse_qsl(back.query))

    def exchanges(self, code, status=200, **more):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
        return self.ask("POST", self.token, status, **(form | more))

    def refreshes(self, token, status=200):
        ours = {"client_id": CLIENT, "client_secret": SECRET}
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.ask("POST", self.token, status, **form, **ours)

    def reads(self, access, status=200):
        return self.ask("GET", READS[self.server], status, authorization=f"Bearer {access}")


@pytest.fixture(params=["google", "oauth"])
def outside(request):
    return Outside(request.param)


@pytest.fixture
def google():
    return Outside("google")


def test_an_authorization_code_can_be_exchanged_only_once(outside):
    back = outside.consents(**OFFLINE)
    assert back["state"] == "s-1"
    tokens = outside.exchanges(back["code"])
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["scope"] == "one two"
    outside.reads(tokens["access_token"])
    assert outside.exchanges(back["code"], 400) == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"redirect_uri": f"{BACK}/other"}, 400, "invalid_grant"),
        ({"client_secret": "another"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else "",
)
def test_an_authorization_code_is_refused_with_wrong_parameters(outside, wrong, status, error):
    code = outside.consents()["code"]
    assert outside.exchanges(code, status, **wrong) == {"error": error}


def test_an_authorization_code_expires_after_ten_minutes(outside):
    code = outside.consents()["code"]
    outside.clock.time += 601
    assert outside.exchanges(code, 400) == {"error": "invalid_grant"}


def test_denied_consent_redirects_back_with_access_denied(outside):
    outside.books.habits.consents = False
    assert outside.consents() == {"error": "access_denied", "state": "s-1"}


def test_an_unknown_client_is_refused_before_consent(outside):
    query = {"client_id": "nobody", "response_type": "code", "redirect_uri": BACK}
    assert outside.ask("GET", outside.authorize, 400, query) == {"error": "invalid_client"}


def test_an_access_token_expires_after_an_hour_and_can_be_refreshed(outside):
    tokens = outside.exchanges(outside.consents(**OFFLINE)["code"])
    outside.clock.time += 3600
    outside.reads(tokens["access_token"], 401)
    renewed = outside.refreshes(tokens["refresh_token"])
    assert "refresh_token" not in renewed
    outside.reads(renewed["access_token"])


def test_revoking_a_token_revokes_the_whole_grant(outside):
    tokens = outside.exchanges(outside.consents(**OFFLINE)["code"])
    outside.ask("POST", outside.end, token=tokens["access_token"])
    outside.reads(tokens["access_token"], 401)
    assert outside.refreshes(tokens["refresh_token"], 400) == {"error": "invalid_grant"}
    again = outside.ask("POST", outside.end, 400, token=tokens["access_token"])
    assert again == {"error": "invalid_token"}


@pytest.mark.parametrize("asked", [{}, {"access_type": "offline"}, {"prompt": "consent"}])
def test_google_gives_a_refresh_token_only_for_offline_access_with_consent(google, asked):
    assert "refresh_token" not in google.exchanges(google.consents(**asked)["code"])


def test_reuse_of_a_rotated_refresh_token_revokes_the_grant():
    outside = Outside("oauth")
    outside.books.habits.rotates = True
    first = outside.exchanges(outside.consents()["code"])
    second = outside.refreshes(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    outside.refreshes(first["refresh_token"], 400)
    outside.refreshes(second["refresh_token"], 400)
    outside.reads(second["access_token"], 401)


def test_google_returns_busy_times_within_the_requested_range(google):
    access = google.exchanges(google.consents()["code"])["access_token"]
    google.world.practice.busy = [
        ["2026-11-30T09:00:00-05:00", "2026-11-30T11:00:00-05:00"],
        ["2026-12-02T09:00:00-05:00", "2026-12-02T10:00:00-05:00"],
    ]
    asked = {"timeMin": "2026-11-30T15:00:00+00:00", "timeMax": "2026-12-01T15:00:00+00:00"}
    path, bearer = "/www/calendar/v3/freeBusy", f"Bearer {access}"
    body = asked | {"items": [{"id": "clinic@example.com"}]}
    told = google.ask("POST", path, authorization=bearer, **body)
    (taken,) = told["calendars"]["clinic@example.com"]["busy"]
    assert taken == {"start": "2026-11-30T15:00:00Z", "end": "2026-11-30T16:00:00Z"}
    google.ask("POST", path, 401, authorization="Bearer ya29.other", **body)
    google.ask("POST", path, 400, authorization=bearer, **(body | {"timeMax": asked["timeMin"]}))
    google.world.practice.unreadable = True
    told = google.ask("POST", path, authorization=bearer, **body)
    (error,) = told["calendars"]["clinic@example.com"]["errors"]
    assert error["reason"] == "notFound"


def test_open_dental_returns_openings_only_with_both_keys(google):
    practice = google.world.practice
    practice.key_pairs.add("developer/customer")
    practice.slots = [
        ["2026-11-30 09:00:00", "2026-11-30 10:00:00"],
        ["2026-12-02 09:00:00", "2026-12-02 10:00:00"],
    ]
    path, days = "/open-dental/appointments/Slots", {"dateStart": "2026-11-30"}
    days |= {"dateEnd": "2026-12-01"}
    (slot,) = google.ask("GET", path, query=days, authorization=PAIR)
    assert slot["DateTimeStart"] == "2026-11-30 09:00:00"
    for wrong in ("", "ODFHIR developer/other", PAIR.replace("ODFHIR", "Bearer")):
        google.ask("GET", path, 401, query=days, authorization=wrong)


def test_nexhealth_exchanges_a_key_for_a_token_that_reads_openings(google):
    practice = google.world.practice
    practice.api_keys.add(API_KEY)
    practice.starts = ["2026-11-30T09:00:00-05:00", "2026-12-02T09:00:00-05:00"]
    key, path = "/nexhealth/authenticates", "/nexhealth/available_slots"
    google.ask("POST", key, 401, authorization="nxh_other")
    token = google.ask("POST", key, authorization=API_KEY)["data"]["token"]
    asked = {"subdomain": "bright", "lids[]": "7", "start_date": "2026-11-30", "days": "2"}
    bearer = {"authorization": f"Bearer {token}"}
    (row,) = google.ask("GET", path, query=asked, **bearer)["data"]
    assert [slot["time"] for slot in row["slots"]] == ["2026-11-30T09:00:00-05:00"]
    google.ask("GET", path, 400, query=asked | {"subdomain": ""}, **bearer)
    google.ask("GET", path, 401, query=asked, authorization=API_KEY)
    google.clock.time += 3600
    google.ask("GET", path, 401, query=asked, **bearer)


def test_the_request_log_contains_no_secrets(outside):
    code = outside.consents(**OFFLINE)["code"]
    tokens = outside.exchanges(code)
    outside.refreshes(tokens["refresh_token"])
    outside.ask("POST", outside.end, token=tokens["access_token"])
    kept = json.dumps([row["params"] for row in outside.sandbox.shared.requests.select({})])
    assert CLIENT in kept
    for secret in (code, SECRET, VERIFIER, tokens["access_token"], tokens["refresh_token"]):
        assert secret not in kept


def test_injected_faults_apply_to_googles_stand_in(google):
    path = READS["google"]
    google.sandbox.inject_fault(kind="bad_gateway", provider="google", method="GET", path=path)
    answer = google.world.serve(Request("GET", path))
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html")
    google.sandbox.inject_fault(kind="refuse_after", provider="google", path=google.token)
    tries = google.world.serve(Request("POST", google.token, body="grant_type=refresh_token"))
    assert tries.ending == "reset"
    google.ask("GET", path, 401)
    google.ask("GET", "/www/calendar/v3/nowhere", 404)

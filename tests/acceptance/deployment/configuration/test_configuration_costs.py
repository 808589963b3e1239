"""The cost of going live and the numbers for sale (F64, F93, F119, F122, F123), both shown free of
charge; and no call of the configuration buys or charges anything.
"""

import pytest
from structlog.testing import CapturingLogger

from actions.deployment.configuration.costs import PRICES
from models.deployment.deployment import Deployment
from providers.twilio import client as twilio_api
from runtime.clock import real_now
from runtime.log import LogThrottle
from runtime.settings import get_settings
from tests import given
from tests.stand_ins.twilio_stand_in import PRICES as PRICE_LIST
from tests.stand_ins.twilio_stand_in import SEARCH
from tests.stories.wizard import ADDRESS, FORWARDED, PORTED, VOICE, Wizard
from web.http import middleware

pytestmark = pytest.mark.one_database


@pytest.fixture(autouse=True)
def _prices_are_asked_anew():
    PRICES.forget()


@pytest.fixture
def wizard(client, vapi_stand_in, twilio_stand_in) -> Wizard:
    return Wizard(client)


def charges(monkeypatch, fee):
    monkeypatch.setenv("SETUP_FEE", fee)
    get_settings.cache_clear()


def test_f122_available_numbers_are_listed_with_price_and_capabilities(wizard):
    answer = wizard.get("/available-numbers", areaCode="415")
    assert answer.status_code == 200, answer.text
    rows = answer.json["data"]
    assert 0 < len(rows) <= 20
    for row in rows:
        assert row["phoneNumber"].startswith("+1415")
        assert set(row) == {"phoneNumber", "locality", "region", "monthly", "capabilities"}
        assert row["monthly"] == {"amount": 115, "currency": "usd"}
        assert row["capabilities"]["voice"]
        assert row["capabilities"]["sms"]


def test_f123_numbers_can_be_searched_by_area_code_pattern_or_locality(wizard, twilio_stand_in):
    for params in ({"areaCode": "415"}, {"contains": "555"}, {"locality": "San Francisco"}, {}):
        assert wizard.get("/available-numbers", **params).status_code == 200
    asked = twilio_stand_in.asked("GET", "/Local.json")
    assert [sorted(set(each) & {"AreaCode", "Contains", "InLocality"}) for each in asked] == [
        ["AreaCode"],
        ["Contains"],
        ["InLocality"],
        [],
    ]
    assert all(each["ExcludeAllAddressRequired"] == "true" for each in asked)


@pytest.mark.parametrize(
    ("params", "field"),
    [({"areaCode": "12"}, "areaCode"), ({"contains": "%"}, "contains"), ({"area": "1"}, "area")],
)
def test_invalid_search_parameter_is_named(wizard, params, field):
    answer = wizard.get("/available-numbers", **params)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_f119_cost_preview_shows_the_fee_and_the_monthly_costs(wizard, monkeypatch):
    charges(monkeypatch, "9900 usd")
    wizard.put("/phone/forwarded", FORWARDED | {"serviceAddress": ADDRESS})
    assert wizard.get("/cost-preview").json == {
        "dueNow": {"amount": 9900, "currency": "usd"},
        "monthly": [
            {"what": "Phone number", "amount": 115, "currency": "usd"},
            {"what": "Emergency address", "amount": 75, "currency": "usd"},
        ],
        "notes": [],
    }


def test_preview_without_an_address_notes_the_cost_of_a_911_call(wizard):
    """Given no service address, then the preview notes what a 911 call would cost (field report
    6).
    """
    wizard.put("/phone/forwarded", FORWARDED)
    preview = wizard.get("/cost-preview").json
    assert [each["what"] for each in preview["monthly"]] == ["Phone number"]
    (note,) = preview["notes"]
    assert "$75" in note


@pytest.mark.parametrize("method", ["sip", "none", None])
def test_preview_without_a_number_has_no_monthly_costs(wizard, twilio_stand_in, method):
    if method:
        wizard.put(f"/phone/{method}")
    preview = wizard.get("/cost-preview").json
    assert (preview["dueNow"], preview["monthly"]) == ({"amount": 0, "currency": "usd"}, [])
    assert twilio_stand_in.asked("GET", "/US") == []


def test_live_account_owes_no_setup_fee(wizard, monkeypatch):
    charges(monkeypatch, "9900 usd")
    now = real_now()
    Deployment.create(
        id="dep_1",
        account=wizard.account,
        status="live",
        method="forwarded",
        asked_by="key:x",
        created_at=now,
        updated_at=now,
    )
    assert wizard.get("/cost-preview").json["dueNow"]["amount"] == 0


def test_price_list_is_cached_but_available_numbers_are_not(wizard, twilio_stand_in):
    for _ in range(3):
        wizard.get("/available-numbers")
    assert len(twilio_stand_in.asked("GET", "/US")) == 1
    assert len(twilio_stand_in.asked("GET", "/Local.json")) == 3


@pytest.mark.parametrize("kind", ["error_500", "rate_limit_429", "refuse"])
@pytest.mark.parametrize("path", [SEARCH, PRICE_LIST])
def test_twilio_outage_answers_503_and_the_failure_is_not_cached(
    wizard, twilio_stand_in, kind, path
):
    twilio_stand_in.fault(kind, path, "GET")
    answer = wizard.get("/available-numbers")
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert wizard.get("/available-numbers").status_code == 200, "no failure is kept"


def test_number_search_without_twilio_settings_is_not_configured_and_logged_once_a_minute(
    wizard, monkeypatch
):
    told = CapturingLogger()
    monkeypatch.setattr(middleware, "log", told)
    monkeypatch.setattr(middleware, "_throttle", LogThrottle())
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "")
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    codes = [wizard.get("/available-numbers").json["code"] for _ in range(3)]
    assert codes == ["not_configured"] * 3
    [line] = [call for call in told.calls if call.args == ("a setting is missing or wrong",)]
    assert "TWILIO_AUTH_TOKEN" in line.kwargs["error"]


def test_another_clinics_costs_are_not_found(wizard, client):
    other = Wizard(client)
    for path in ("/cost-preview", "/available-numbers", "/try"):
        method = "POST" if path == "/try" else "GET"
        answer = client.simulate_request(
            method, wizard.home + path, json={"message": "hi"}, headers=other.key
        )
        assert answer.status_code == 404


def test_f64_nothing_before_deploy_buys_or_charges(
    wizard, valkey, stand_in, vapi_stand_in, twilio_stand_in, monkeypatch
):
    """Given every call of the configuration with all its jobs done, then Stripe gets no request and
    Twilio bills nothing; Vapi bills the platform for the trial chats alone.
    """
    charges(monkeypatch, "9900 usd")
    calls = [
        ("GET", "", None),
        ("PUT", "/voice", VOICE),
        ("POST", "/knowledge-files", {"name": "a.txt", "contentBase64": "aGVsbG8="}),
        ("POST", "/knowledge-files", {"name": "b.txt", "contentBase64": "aGVsbG8="}),
        ("PUT", "/phone/none", {}),
        ("PUT", "/phone/ported", PORTED),
        ("PUT", "/phone/sip", {}),
        ("PUT", "/phone/forwarded", FORWARDED | {"areaCode": "415", "serviceAddress": ADDRESS}),
        ("GET", "/available-numbers", None),
        ("GET", "/cost-preview", None),
        ("POST", "/try", {"message": "hello"}),
        ("DELETE", "/knowledge-files/{file}", None),
        ("GET", "", None),
    ]
    chats = 0
    for method, path, body in calls:
        rows = wizard.get("/knowledge-files").json["data"]
        asked = path.format(file=rows[0]["id"] if rows else "")
        answer = wizard.ask(method, asked, **({} if body is None else {"json": body}))
        assert answer.status_code in {200, 201, 204}, answer.text
        given.retried(valkey.client(), "deploys", 2)
        chats += path == "/try"
        ledger = stand_in.shown("ledger")
        assert ledger["invoices"] == {}, path
        assert stand_in.sandbox.shared.requests.select({"provider": "stripe"}) == [], path
        assert twilio_stand_in.fees() == 0, path
        assert vapi_stand_in.billed == pytest.approx(0.0021 * chats), "the platform's"
        assert vapi_stand_in.kept("phone-number") == []
    assert len(vapi_stand_in.kept("file")) == 1
    assert wizard.review["readyToDeploy"] is False

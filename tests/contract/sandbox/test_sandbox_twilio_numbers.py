"""Twilio's stand-in for phone numbers, addresses, prices and calls, driven by Twilio's own SDK over
HTTP and by the control API. `test_twilio_numbers.py` tests our own functions against it.
"""

from dataclasses import fields

import pytest
from phonenumbers import is_valid_number, parse
from twilio.base.exceptions import TwilioRestException

from sandbox import Sandbox, state_file
from sandbox.twilio.account import MAGIC_ACCOUNT
from sandbox.twilio.stock import AREAS, offers
from tests.stand_ins.twilio_sdk import client

OTHER, OTHER_TOKEN = f"AC{'1' * 32}", "other-token"
CLINIC, PERSON = "+12125550100", "+12125550101"


def found(twilio, country="US", **asked):
    asked = {"area_code": 212, "limit": 5} | asked
    rows = twilio.available_phone_numbers(country).local.list(
        **{name: value for name, value in asked.items() if value is not None}
    )
    return [row.phone_number for row in rows]


def buy(twilio, number=None, **more):
    asked = {"phone_number": number or found(twilio)[0]} if "area_code" not in more else {}
    return twilio.incoming_phone_numbers.create(**asked, **more)


def code_of(call, *args, **more):
    with pytest.raises(TwilioRestException) as refused:
        call(*args, **more)
    return refused.value.status, refused.value.code


# numbers for sale


def test_an_area_code_always_offers_the_same_valid_numbers(twilio):
    for area in (212, 415, 907):
        numbers = found(twilio, area_code=area, limit=200)
        assert numbers == found(twilio, area_code=area, limit=200)
        assert len(set(numbers)) == 200
        assert all(number.startswith(f"+1{area}555") for number in numbers)
        assert all(is_valid_number(parse(number)) for number in numbers)


def test_fictitious_numbers_are_offered_first(twilio):
    assert found(twilio, limit=3) == ["+12125550150", "+12125550151", "+12125550152"]


@pytest.mark.parametrize("area", [533, 199, 100])
def test_some_area_codes_have_no_numbers(twilio, area):
    assert found(twilio, area_code=area) == []
    assert code_of(buy, twilio, area_code=area) == (400, 21452)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"contains": "5550177"}, lambda number: number.endswith("5550177")),
        ({"contains": "2*5550*"}, lambda number: number[3] == "2"),
        ({"contains": "9075550160"}, lambda number: number == "+19075550160"),
        ({"contains": "19075550160"}, lambda number: number == "+19075550160"),
        ({"contains": "+1907"}, lambda number: number.startswith("+1907")),
        ({"contains": "77$"}, lambda number: number.endswith("77")),
        ({"contains": "+1415"}, lambda number: number.startswith("+1415")),
        ({"contains": "+1%0160"}, lambda number: number.endswith("0160")),
        ({"in_region": "WA"}, lambda number: number.startswith("+1206")),
        ({"in_locality": "san francisco"}, lambda number: number[:5] in {"+1415", "+1628"}),
        ({"near_number": "+13055550100"}, lambda number: number.startswith("+1305")),
    ],
)
def test_numbers_can_be_searched_by_pattern_region_city_or_nearby_number(twilio, asked, fits):
    numbers = found(twilio, area_code=None, **asked)
    assert numbers
    assert all(map(fits, numbers))


@pytest.mark.parametrize("asked", [{"contains": "1"}, {"contains": "#$"}, {"in_lata": "132"}])
def test_an_invalid_search_is_refused(world, twilio, asked):
    """The SDK raises only its most general error for a refused list."""
    with pytest.raises(Exception, match="Unable to fetch page"):
        found(twilio, **asked)
    assert world.requests(provider="twilio")[-1]["status"] == 400


def test_the_offered_numbers_vary_in_capabilities_and_address_requirements():
    offered = list(offers("US", [212]))
    assert {each.address_requirements for each in offered} == {"none", "any", "local"}
    assert any(not each.capabilities["SMS"] for each in offered)
    assert all(each.capabilities["voice"] for each in offered)
    assert {AREAS[each.area] for each in offered} == {("US", "NY", "New York")}


# buying


def test_a_number_can_be_bought_by_area_code(twilio):
    first, second = buy(twilio, area_code=415), buy(twilio, area_code=415)
    assert (first.phone_number, second.phone_number) == ("+14155550150", "+14155550151")


def test_a_purchase_needs_either_a_number_or_an_area_code(twilio):
    create = twilio.incoming_phone_numbers.create
    assert code_of(create) == (400, 21450)
    assert code_of(create, phone_number=CLINIC, area_code="212") == (400, 21450)
    assert code_of(create, phone_number="+15005550000") == (400, 21422)
    assert code_of(create, phone_number=CLINIC) == (400, 21422)


def test_two_accounts_do_not_see_each_others_numbers(world, twilio):
    world.control("twilio/accounts", sid=OTHER, token=OTHER_TOKEN)
    other = client(world, OTHER, OTHER_TOKEN)
    made = buy(twilio)
    assert code_of(buy, other, made.phone_number) == (400, 21422)
    assert code_of(other.incoming_phone_numbers(made.sid).fetch) == (404, 20404)
    assert other.incoming_phone_numbers.list() == []
    assert made.phone_number not in found(other)


def test_numbers_are_listed_by_name_and_number_over_pages(twilio):
    for place in range(5):
        buy(twilio, friendly_name=f"tag-{place % 2}")
    numbers = twilio.incoming_phone_numbers
    assert len(numbers.list(page_size=2)) == 5
    assert len(numbers.list(friendly_name="tag-1", page_size=1)) == 2
    assert len(numbers.list(phone_number="+1212555015*")) == 5
    assert [row.phone_number for row in numbers.list(phone_number="50150")] == ["+12125550150"]
    assert numbers.list(friendly_name="tag-") == []


def test_a_friendly_name_has_at_most_64_characters(twilio):
    assert buy(twilio, friendly_name="x" * 64).friendly_name == "x" * 64
    assert code_of(buy, twilio, friendly_name="x" * 65) == (400, 20001)


def test_a_trunk_and_an_application_replace_each_other(twilio):
    number = twilio.incoming_phone_numbers(buy(twilio).sid)
    number.update(voice_application_sid=f"AP{'1' * 32}")
    assert number.update(trunk_sid=f"TK{'1' * 32}").voice_application_sid is None
    assert number.update(voice_application_sid=f"AP{'1' * 32}").trunk_sid is None
    assert number.update(voice_application_sid="").voice_application_sid is None


def test_a_released_number_is_gone_and_cannot_be_bought_back(world, twilio):
    made = buy(twilio)
    number = twilio.incoming_phone_numbers(made.sid)
    assert number.delete_with_http_info().status_code == 204
    assert code_of(number.delete) == (404, 20404)
    assert code_of(buy, twilio, made.phone_number) == (400, 21422)
    world.control("twilio/taken", number=made.phone_number, taken=False)
    assert buy(twilio, made.phone_number).status == "new"


def test_an_emergency_address_must_exist_and_be_enabled(twilio):
    where = {
        "customer_name": "Harbor Dental",
        "street": "12 Pier St",
        "city": "New York",
        "region": "NY",
        "postal_code": "10001",
        "iso_country": "US",
    }
    plain = twilio.addresses.create(**where)
    assert code_of(buy, twilio, emergency_address_sid=plain.sid) == (400, 20001)
    assert code_of(buy, twilio, emergency_address_sid=f"AD{'9' * 32}") == (400, 20001)
    assert code_of(twilio.addresses.create, **(where | {"city": ""})) == (400, 20001)
    corrected = twilio.addresses.create(**(where | {"street": "1 misspelt st"}))
    assert corrected.street == "1 MISSPELLED ST"
    assert len(twilio.addresses.list(customer_name="Harbor Dental", iso_country="US")) == 2
    assert twilio.addresses.list(emergency_enabled=True) == []


# the control API


def test_a_number_taken_after_the_search_cannot_be_bought(world, twilio):
    wanted = found(twilio)[0]
    world.control("twilio/taken", number=wanted)
    assert code_of(buy, twilio, wanted) == (400, 21422)
    assert wanted not in found(twilio)


def test_an_account_can_be_a_suspended_trial_with_one_number(world, twilio):
    shown = world.control("twilio/standing", type="Trial", status="suspended")
    assert shown == {"sid": MAGIC_ACCOUNT, "status": "suspended", "type": "Trial"}
    account = twilio.api.accounts(MAGIC_ACCOUNT).fetch()
    assert (account.type, account.status) == ("Trial", "suspended")
    buy(twilio)
    assert code_of(buy, twilio) == (400, 21404)
    world.control("twilio/standing", type="Full")
    buy(twilio)


def test_numbers_are_billed_monthly_at_the_listed_price(world, twilio):
    world.control("twilio/prices", country="US", price="3.00")
    listed = twilio.pricing.v1.phone_numbers.countries("US").fetch()
    assert (listed.price_unit, listed.phone_number_prices[0]) == (
        "USD",
        {"number_type": "local", "base_price": "3.00", "current_price": "3.00"},
    )
    made = buy(twilio)
    world.control("clock", advance=30 * 86_400)
    ledger = world.shown("twilio/ledger")
    assert ledger["total"] == "6.00"
    assert {(row["what"], row["for"], row["account"]) for row in ledger["bills"]} == {
        ("number", made.phone_number, MAGIC_ACCOUNT)
    }
    twilio.incoming_phone_numbers(made.sid).delete()
    world.control("clock", advance=90 * 86_400)
    assert world.shown("twilio/ledger")["total"] == "6.00"


def test_prices_need_credentials_and_a_known_country(world):
    listed = client(world, token="wrong").pricing.v1.phone_numbers.countries("US")
    assert code_of(listed.fetch) == (401, 20003)
    known = client(world).pricing.v1.phone_numbers.countries("XX")
    assert code_of(known.fetch) == (404, 20404)


def test_searches_and_price_requests_cost_nothing(world, twilio):
    found(twilio)
    twilio.pricing.v1.phone_numbers.countries("US").fetch()
    assert world.shown("twilio/ledger") == {"bills": [], "total": "0", "currency": "usd"}


def test_a_missing_bundle_is_refused_with_the_configured_status(world, twilio):
    wanted = found(twilio, "GB", area_code=None)[0]
    assert code_of(buy, twilio, wanted) == (400, 21649)
    world.control("twilio/bundle", status=400, code=0)
    # given no error code, the SDK reports the HTTP status as the code
    assert code_of(buy, twilio, wanted) == (400, 400)


def test_a_call_to_the_clinics_number_is_forwarded_to_ours(world, twilio, hook, eventually):
    made = buy(twilio, voice_url=hook.url, status_callback=f"{hook.url}/ended")
    world.control("twilio/phones", number=CLINIC, forwards_to=made.phone_number)
    heard = world.control("twilio/calls", **{"from": PERSON, "to": CLINIC})
    assert heard == {"status": "completed"}
    eventually(lambda: [path for path, _, _ in hook.got if path == "/hook"])
    fields, signed = next(rest for path, *rest in hook.got if path == "/hook")
    assert (signed, fields["From"], fields["ForwardedFrom"], fields["To"]) == (
        True,
        PERSON,
        CLINIC,
        made.phone_number,
    )
    world.shown("health")
    eventually(lambda: twilio.calls.list(status="completed") and len(hook.got) == 2)
    call = twilio.calls.list(to=made.phone_number)[0]
    assert (call.direction, call.forwarded_from, call.duration) == ("inbound", CLINIC, "9")
    assert world.shown("twilio/calls")["calls"][0]["sid"] == call.sid
    world.control("twilio/phones", number=CLINIC, answer="busy")
    assert world.control("twilio/calls", **{"from": PERSON, "to": CLINIC})["status"] == "busy"


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("phones", {"number": CLINIC, "answer": "shout"}, "busy"),
        ("phones", {"number": CLINIC, "sings": True}, "sings"),
        ("phones", {}, "number"),
        ("prices", {"country": "US", "price": "free"}, "1.15"),
        ("calls", {"from": PERSON, "to": "the clinic"}, "not a valid phone number"),
    ],
)
def test_an_invalid_control_request_is_refused(world, path, body, word):
    answer = world.http.post(f"/sandbox/twilio/{path}", json=body)
    assert answer.status_code == 400
    assert word in answer.text


def test_calls_are_listed_by_day(twilio):
    caller = buy(twilio).phone_number
    made = twilio.calls.create(to=CLINIC, from_=caller, twiml="<Response/>")
    for _ in range(4):
        call = twilio.calls(made.sid).fetch()
    assert call.status == "completed"
    day = call.start_time
    assert [row.sid for row in twilio.calls.list(start_time_after=day)] == [made.sid]
    assert [row.sid for row in twilio.calls.list(end_time=call.end_time)] == [made.sid]
    assert twilio.calls.list(start_time_before=day.replace(year=2000)) == []
    assert twilio.calls.list(status="busy") == []
    assert twilio.calls.list(parent_call_sid=made.sid) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"twiml": None}, 21205),
        ({"to": "5550100"}, 21211),
        ({"from_": CLINIC}, 21210),
    ],
)
def test_an_invalid_call_is_refused_with_twilios_code(twilio, asked, code):
    caller = buy(twilio).phone_number
    asked = {"to": CLINIC, "from_": caller, "twiml": "<Response/>"} | asked
    assert code_of(twilio.calls.create, **asked) == (400, code)


# texts to and from a bought number


def test_a_bought_number_sends_and_receives_texts(world, twilio, hook, eventually):
    made = buy(twilio, sms_url=hook.url)
    world.control("twilio/inbound", **{"from": PERSON, "to": made.phone_number, "body": "Hello"})
    eventually(lambda: [fields["Body"] for _, fields, _ in hook.got] == ["Hello"])
    sent = twilio.messages.create(to=PERSON, from_=made.phone_number, body="x")
    assert sent.status == "queued"
    twilio.incoming_phone_numbers(made.sid).update(sms_application_sid=f"AP{'1' * 32}")
    world.control("twilio/inbound", **{"from": PERSON, "to": made.phone_number, "body": "Lost"})
    twilio.incoming_phone_numbers(made.sid).delete()
    refused = code_of(twilio.messages.create, to=PERSON, from_=made.phone_number, body="x")
    assert refused == (400, 21606)
    assert [fields["Body"] for _, fields, _ in hook.got] == ["Hello"]


def test_texts_are_billed_once_they_are_sent(world, twilio, eventually):
    made = buy(twilio)
    sent = twilio.messages.create(to=PERSON, from_=made.phone_number, body="x")
    eventually(lambda: twilio.messages(sent.sid).fetch().status == "delivered")
    assert world.shown("twilio/ledger")["total"] == "1.15830"


# faults, the page, restarts


@pytest.mark.parametrize(
    ("kind", "status", "code"), [("forbidden_403", 403, 20403), ("refused_400", 400, 20001)]
)
def test_an_injected_4xx_refuses_the_purchase(world, twilio, kind, status, code):
    wanted = found(twilio)[0]
    world.control("faults", provider="twilio", kind=kind, method="POST")
    assert code_of(buy, twilio, wanted) == (status, code)
    assert world.shown("twilio/bought")["numbers"] == []


def test_the_state_page_shows_numbers_calls_and_fees(world, twilio):
    made = buy(twilio, friendly_name="<b>pp</b>")
    world.control("twilio/calls", **{"from": PERSON, "to": made.phone_number})
    page = world.http.get("/").text
    for shown in ("Phone numbers", "Calls", "Twilio&#x27;s fees", "&lt;b&gt;pp", "1.15", PERSON):
        assert shown in page


def test_numbers_survive_a_restart_and_an_older_state_file_is_read(world, twilio, tmp_path):
    made = buy(twilio)
    world.control("twilio/taken", number="+12125550177")
    world.control("twilio/phones", number=CLINIC, forwards_to=made.phone_number)
    world.control("twilio/bundle", status=500, code=0)
    world.control("twilio/submissions", sender=CLINIC, status="FAILED", code=30886)
    world.control("twilio/keypad", mistyped=["input-timeout"], result="payment-connector-error")
    books = world.sandbox.twilio.books
    books.unbound.add(CLINIC)
    books.payments["PK1"] = {"sid": "PK1", "keys": ["k"], "open": True}
    path = str(tmp_path / "state.json")
    state_file.save(world.sandbox, path)
    again = Sandbox()
    state_file.load(again, path)
    ours, theirs = again.twilio.books, world.sandbox.twilio.books
    assert again.twilio.ledger()["total"] == "1.15"
    for each in fields(theirs):
        if each.name not in {"shared", "answers_sip"}:
            assert getattr(ours, each.name) == getattr(theirs, each.name), each.name
    older = Sandbox()
    state = {"tokens": {}, "messages": {}, "private": {}, "outcomes": {}, "step": 0}
    from sandbox.twilio.state import restore

    restore(older.twilio, state | {"senders": [], "opted_out": []})
    assert older.twilio.books.incoming == {}
    assert older.twilio.books.prices["US"] == "1.15"

"""Numbers, addresses, prices and calls at Twilio, through our own functions and over HTTP, against
the stand-in. "report N" names a field report of how others failed.
"""

from datetime import timedelta

import pytest
from twilio.request_validator import RequestValidator

from providers.errors import ProviderError
from providers.twilio import accounts, addresses, calls, numbers, prices
from providers.twilio.refusals import ADDRESS_REQUIRED, GONE, NOT_FOUND, TRIAL
from runtime.clock import real_now
from sandbox.twilio import addresses as magic
from sandbox.twilio import stock
from sandbox.twilio.account import MAGIC_TOKEN
from sandbox.twilio.ledger import MONTH
from tests.stand_ins.twilio_stand_in import ADDRESSES, CALLS, NUMBERS, ONE_NUMBER, PRICES, SEARCH
from tests.stories.texting import HOME

SMS, VOICE = f"{HOME}/api/webhooks/twilio/messages", f"{HOME}/api/webhooks/twilio/voice"
STATUS = f"{HOME}/api/webhooks/twilio/call-status"
CLINIC = "+12125550100"  # the clinic's own number, outside Twilio
CALLER = "+12125550101"
WHERE = {
    "customer_name": "Harbor Dental",
    "street": "12 Pier St",
    "city": "New York",
    "region": "NY",
    "postal_code": "10001",
    "iso_country": "US",
}


def available(**asked):
    return numbers.search_numbers(**({"area_code": "212"} | asked))


def buy(e164=None, tag="pp-test-1", **more):
    return numbers.buy_number(
        e164 or available()[0].e164,
        friendly_name=tag,
        sms_url=SMS,
        voice_url=VOICE,
        status_callback=STATUS,
        **more,
    )


def an_address(tag="pp-test-address", **more):
    return addresses.create_address(**(WHERE | {"friendly_name": tag} | more))


def refused(call, *args, **more) -> ProviderError:
    with pytest.raises(ProviderError) as told:
        call(*args, **more)
    assert told.value.outcome == "refused", told.value
    return told.value


# searching


def test_a_search_shows_only_numbers_with_calls_and_texts_and_no_address_rule(twilio_stand_in):
    """Given an area code where some numbers take no texts and some need an address, when staff
    search it, then both are left out; given an address, the latter are shown.
    """
    found = available(limit=1000)
    assert len(found) > 30
    assert all(each.e164.startswith("+1212555") for each in found)
    assert {each.address_requirements for each in found} == {"none"}
    assert all(each.voice and each.sms for each in found)
    assert {each.mms for each in found} == {True, False}
    assert {(each.locality, each.region) for each in found} == {("New York", "NY")}
    more = available(with_address=True, limit=1000)
    assert {each.address_requirements for each in more} == {"none", "any", "local"}


def test_search_results_are_filtered_by_twilio_and_again_by_us(twilio_stand_in, monkeypatch):
    """Given a Twilio that ignores our filters, then we filter its results ourselves."""
    available()
    asked = twilio_stand_in.asked("GET", "/Local.json")[0]
    assert (asked["SmsEnabled"], asked["VoiceEnabled"]) == ("true", "true")
    assert asked["ExcludeAllAddressRequired"] == "true"
    monkeypatch.setattr("sandbox.twilio.available_numbers._fits", lambda *_: True)
    found = available(limit=1000)
    assert found
    assert all(each.voice and each.sms for each in found)
    assert {each.address_requirements for each in found} == {"none"}


def test_a_number_without_a_stated_requirement_may_need_an_address(twilio_stand_in, monkeypatch):
    monkeypatch.setitem(stock.ADDRESS_REQUIRED, 50, None)
    silent = "+12125550150"
    assert silent not in {each.e164 for each in available()}
    assert {each.e164: each.address_requirements for each in available(with_address=True)}[
        silent
    ] == "any"


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ({"area_code": "", "locality": "Boston"}, "+1617"),
        ({"area_code": "", "near": "+14155550111"}, "+1415"),
        ({"area_code": "", "contains": "+1303555"}, "+1303"),
        ({"area_code": "", "locality": "Toronto", "country": "CA"}, "+1416"),
        ({"area_code": "907"}, "+1907"),
    ],
)
def test_numbers_are_searched_by_place_pattern_or_nearby_number(twilio_stand_in, asked, begins):
    found = available(**asked)
    assert found
    assert all(each.e164.startswith(begins) for each in found)


@pytest.mark.parametrize("asked", [{"area_code": "533"}, {"locality": "Atlantis", "area_code": ""}])
def test_a_search_in_a_place_without_numbers_is_empty(twilio_stand_in, asked):
    assert available(**asked) == []


def test_a_search_in_an_unknown_country_is_refused(twilio_stand_in):
    assert refused(available, country="XX", area_code="").code == NOT_FOUND


# buying, and field reports about it


def test_a_number_is_bought_with_its_tag_and_webhook_urls(twilio_stand_in):
    """When a number is bought, then it is the chosen one, with our tag and URLs, and Twilio bills
    it monthly from then on.
    """
    wanted = available()[3].e164
    assert twilio_stand_in.fees() == 0
    made = buy(wanted)
    assert (made["phone_number"], made["friendly_name"]) == (wanted, "pp-test-1")
    assert (made["sms_url"], made["voice_url"], made["status_callback"]) == (SMS, VOICE, STATUS)
    assert made["capabilities"] == {"voice": True, "sms": True, "mms": True}
    assert made["id"].startswith("PN")
    assert list(twilio_stand_in.owned()) == [wanted]
    assert str(twilio_stand_in.fees("number")) == "1.15"
    assert numbers.get_number(made["id"]) == made | {"status": "in-use"}
    twilio_stand_in.passes(MONTH)
    assert str(twilio_stand_in.fees()) == "2.30"


def test_report_1_buying_an_owned_number_again_updates_it(twilio_stand_in):
    """Given a number that the account owns, when it is bought again for another clinic, then Twilio
    agrees and replaces the first clinic's tag: only a row of ours can keep two clinics from having
    it.
    """
    first = buy(tag="pp-test-1")
    second = buy(first["phone_number"], tag="pp-test-2")
    assert (second["id"], second["status"]) == (first["id"], "in-use")
    assert second["friendly_name"] == "pp-test-2"
    assert numbers.find_number("pp-test-1") is None
    assert numbers.find_number_by_e164(first["phone_number"])["friendly_name"] == "pp-test-2"
    assert str(twilio_stand_in.fees()) == "1.15"


def test_report_2_a_number_taken_after_the_search_cannot_be_bought(twilio_stand_in):
    """Given a number that another buyer takes after the search, then buying it is refused, and a
    new search does not show it.
    """
    wanted = available()[0].e164
    twilio_stand_in.take(wanted)
    error = refused(buy, wanted)
    assert error.code in GONE
    assert "choose another" in error.advice
    assert wanted not in {each.e164 for each in available()}
    assert twilio_stand_in.fees() == 0


def test_report_2_a_released_number_cannot_be_bought_back(twilio_stand_in):
    made = buy()
    numbers.release_number(made["id"])
    assert refused(buy, made["phone_number"]).code in GONE
    assert twilio_stand_in.owned() == {}


def test_report_3_a_number_that_needs_an_address_is_refused_without_one(twilio_stand_in):
    """Given numbers that need an address, then without one they are refused with advice; with any
    address, or for `local` one in the number's country, they are bought.
    """
    found = available(with_address=True, limit=1000)
    anywhere = next(each.e164 for each in found if each.address_requirements == "any")
    local = next(each.e164 for each in found if each.address_requirements == "local")
    for wanted in (anywhere, local):
        error = refused(buy, wanted)
        assert error.code in ADDRESS_REQUIRED
        assert "street address" in error.advice
    abroad = an_address(iso_country="GB", emergency_enabled=False)
    assert buy(anywhere, "pp-1", address_sid=abroad["id"])["address_sid"] == abroad["id"]
    assert refused(buy, local, "pp-2", address_sid=abroad["id"]).code in ADDRESS_REQUIRED
    here = an_address("pp-here")
    assert buy(local, "pp-2", address_sid=here["id"])["address_requirements"] == "local"


@pytest.mark.parametrize(("status", "code"), [(400, 21649), (400, 0), (500, 0), (500, 20500)])
def test_report_3_a_missing_bundle_is_refused_in_every_form_of_the_error(
    twilio_stand_in, status, code
):
    twilio_stand_in.books.bundle_refusal = (status, code)
    wanted = available(country="GB", area_code="")[0].e164
    error = refused(buy, wanted)
    assert error.code == "21649"
    assert "regulatory bundle" in error.advice
    assert twilio_stand_in.owned() == {}
    assert buy(wanted, bundle_sid=f"BU{'0' * 32}")["bundle_sid"] == f"BU{'0' * 32}"


def test_report_4_a_trial_account_can_have_only_one_number(twilio_stand_in):
    """Given a trial account, then we can see that before buying, and a second number is refused;
    buying its own number again succeeds.
    """
    assert not accounts.fetch_account().is_trial
    twilio_stand_in.becomes_trial()
    assert accounts.fetch_account().is_trial
    first = buy()
    error = refused(buy, available()[0].e164, "pp-test-2")
    assert error.code in TRIAL
    assert "Upgrade" in error.advice
    assert buy(first["phone_number"])["id"] == first["id"]


@pytest.mark.parametrize("e164", ["12125550150", "+1212", "+15005550001"])
def test_an_invalid_number_cannot_be_bought(twilio_stand_in, e164):
    error = refused(buy, e164)
    assert (error.code, "E.164" in error.advice) == ("21421", True)


@pytest.mark.parametrize("tag", ["", "x" * 65])
def test_an_invalid_tag_raises_before_anything_is_sent(twilio_stand_in, tag):
    with pytest.raises(ValueError, match="not a valid number tag"):
        buy(tag=tag)
    assert twilio_stand_in.asked("POST", "/IncomingPhoneNumbers.json") == []


@pytest.mark.parametrize(
    ("kind", "outcome", "bought"),
    [
        ("error_500", "unknown", 0),
        ("error_500_after", "unknown", 1),
        ("refuse", "unknown", 0),
        ("refuse_after", "unknown", 1),
        ("timeout_before", "unknown", 0),
        ("timeout_after", "unknown", 1),
        ("bad_gateway", "unknown", 0),
        ("rate_limit_429", "retry_later", 0),
        ("forbidden_403", "retry_later", 0),
        ("refused_400", "refused", 0),
    ],
)
def test_a_purchase_without_an_answer_is_found_by_its_tag(twilio_stand_in, kind, outcome, bought):
    """Whether or not an answer arrives, the tag finds the number if it was bought."""
    wanted = available()[0].e164
    twilio_stand_in.fault(kind, NUMBERS, seconds=6)
    with pytest.raises(ProviderError) as told:
        buy(wanted)
    twilio_stand_in.stand_in.be_patient()
    assert told.value.outcome == outcome
    found = numbers.find_number("pp-test-1")
    assert [found["phone_number"]] == [wanted] if bought else found is None
    assert (numbers.find_number_by_e164(wanted) is not None) == bool(bought)
    assert len(twilio_stand_in.owned()) == bought


def test_a_part_of_a_tag_or_number_finds_nothing(twilio_stand_in):
    made = buy(tag="pp-test-12")
    assert numbers.find_number("pp-test-1") is None
    assert numbers.find_number_by_e164(made["phone_number"][:-1]) is None


def test_the_oldest_of_several_numbers_with_the_same_tag_is_found(twilio_stand_in):
    first, second = buy(), buy()
    assert first["id"] != second["id"]
    twilio_stand_in.books.incoming[second["id"]]["date_created"] = "Mon, 01 Jan 2029 00:00:00 +0000"
    assert numbers.find_number("pp-test-1")["id"] == first["id"]


# updating and releasing


def test_an_update_changes_only_the_given_fields(twilio_stand_in):
    made = buy()
    changed = numbers.update_number(made["id"], sms_url="https://elsewhere.example/sms")
    assert changed == made | {"sms_url": "https://elsewhere.example/sms", "status": "in-use"}
    assert twilio_stand_in.asked("POST", f"/{made['id']}.json") == [
        {"SmsUrl": "https://elsewhere.example/sms"}
    ]
    assert numbers.update_number(made["id"], voice_url="")["voice_url"] == ""


def test_a_trunk_or_application_that_overrides_our_urls_is_shown(twilio_stand_in):
    """Given a number that staff put on a trunk and gave an application, then reading it shows both,
    which override our URLs.
    """
    made = buy()
    row = twilio_stand_in.books.incoming[made["id"]]
    row |= {"trunk_sid": f"TK{'1' * 32}", "sms_application_sid": f"AP{'2' * 32}"}
    read = numbers.get_number(made["id"])
    assert (read["trunk_sid"], read["sms_application_sid"]) == (f"TK{'1' * 32}", f"AP{'2' * 32}")


def test_releasing_a_released_number_is_no_error(twilio_stand_in):
    made = buy()
    numbers.release_number(made["id"])
    numbers.release_number(made["id"])
    assert twilio_stand_in.owned() == {}
    assert refused(numbers.get_number, made["id"]).code == NOT_FOUND


@pytest.mark.parametrize("kind", ["refuse_after", "timeout_after"])
def test_a_release_without_an_answer_succeeds_on_retry(twilio_stand_in, kind):
    made = buy()
    twilio_stand_in.fault(kind, ONE_NUMBER, "DELETE", seconds=6)
    with pytest.raises(ProviderError) as told:
        numbers.release_number(made["id"])
    twilio_stand_in.stand_in.be_patient()
    assert told.value.outcome == "unknown"
    numbers.release_number(made["id"])
    assert twilio_stand_in.owned() == {}


def test_all_our_numbers_are_listed_over_all_pages(twilio_stand_in, monkeypatch):
    """Given more numbers than fit on a page, some of another installation, then all of ours are
    listed.
    """
    monkeypatch.setattr(numbers, "PAGE", 2)
    found = available(limit=7)
    for place, each in enumerate(found):
        buy(each.e164, f"pp-{'other' if place == 3 else 'test'}-{place}")
    listed = numbers.list_numbers("pp-test-")
    assert [row["friendly_name"] for row in listed] == [
        f"pp-test-{place}" for place in (0, 1, 2, 4, 5, 6)
    ]
    assert len(numbers.list_numbers()) == 7
    pages = twilio_stand_in.asked("GET", "/IncomingPhoneNumbers.json")
    assert {row["PageSize"] for row in pages} == {"2"}
    assert len(pages) == 8


# addresses, also for emergency calls


def test_report_6_a_corrected_address_is_suggested_instead_of_registered(
    twilio_stand_in,
):
    """Given a street that Twilio would correct, then no address is registered; the error shows the
    suggestion, which is accepted if sent.
    """
    error = refused(an_address, street="1 Misspelt St")
    assert f"Street: {magic.SUGGESTED}, Locality: NEW YORK" in str(error)
    assert "suggested" in error.advice
    assert addresses.list_addresses() == []
    assert twilio_stand_in.asked("POST", "/Addresses.json")[0]["AutoCorrectAddress"] == "false"
    assert an_address(street=magic.SUGGESTED, city="NEW YORK", postal_code="10001")["id"]


def test_report_6_an_unknown_address_is_refused(twilio_stand_in):
    error = refused(an_address, street="1 Nowhere Rd")
    assert error.code == "21628"
    assert "spelling" in error.advice


def test_report_6_a_numbers_emergency_address_is_registered_after_a_while(
    twilio_stand_in,
):
    """Given a clinic's address, when a number is bought with it, then it is registered after a
    while, and costs 0.75 USD a month from then on.
    """
    twilio_stand_in.registers_slowly(60)
    address = an_address()
    made = buy(emergency_address_sid=address["id"])
    assert made["emergency_address_sid"] == address["id"]
    assert made["emergency_address_status"] == "pending-registration"
    assert twilio_stand_in.fees("emergency address") == 0
    twilio_stand_in.passes(61)
    assert numbers.get_number(made["id"])["emergency_address_status"] == "registered"
    paid = twilio_stand_in.fees("emergency address")
    assert int(paid * 100) == prices.EMERGENCY_ADDRESS.amount


def test_report_6_a_failed_emergency_address_registration_is_shown(twilio_stand_in):
    address = an_address(street="1 Unregistrable Way")
    made = buy(emergency_address_sid=address["id"])
    twilio_stand_in.passes()
    status = numbers.get_number(made["id"])["emergency_address_status"]
    assert status == "registration-failure"
    assert buy(tag="pp-test-2")["emergency_address_status"] == "unregistered"


def test_a_number_is_released_only_after_its_emergency_address_is_removed(twilio_stand_in):
    """Given a number with a registered emergency address, when it is released, then the release
    waits until Twilio has unregistered the address; after that the address can be deleted.
    """
    address = an_address()
    made = buy(emergency_address_sid=address["id"])
    twilio_stand_in.passes()
    twilio_stand_in.registers_slowly(60)
    for _ in range(2):
        with pytest.raises(ProviderError) as told:
            numbers.release_number(made["id"])
        assert (told.value.outcome, told.value.code) == (
            "retry_later",
            "emergency_address_pending",
        )
        assert made["phone_number"] in twilio_stand_in.owned()
    twilio_stand_in.passes(61)
    numbers.release_number(made["id"])
    addresses.delete_address(address["id"])
    assert (twilio_stand_in.owned(), addresses.list_addresses()) == ({}, [])


def test_an_address_in_use_cannot_be_deleted_and_a_missing_one_is_no_error(twilio_stand_in):
    address = an_address()
    buy(emergency_address_sid=address["id"])
    refused(addresses.delete_address, address["id"])
    assert addresses.get_address(address["id"]) == address
    addresses.delete_address(f"AD{'0' * 32}")


def test_an_address_is_found_by_its_tag(twilio_stand_in):
    an_address("pp-1")
    made = an_address("pp-2", street_secondary="Suite #4")
    assert addresses.find_address("pp-2") == made
    assert made["street_secondary"] == "Suite 4"
    assert addresses.find_address("pp-3") is None
    assert [row["friendly_name"] for row in addresses.list_addresses("pp-")] == ["pp-1", "pp-2"]


@pytest.mark.parametrize("kind", ["refuse_after", "timeout_after", "error_500_after"])
def test_an_address_created_without_an_answer_is_found_by_its_tag(twilio_stand_in, kind):
    twilio_stand_in.fault(kind, ADDRESSES, seconds=6)
    with pytest.raises(ProviderError) as told:
        an_address()
    twilio_stand_in.stand_in.be_patient()
    assert told.value.outcome == "unknown"
    assert addresses.find_address("pp-test-address")["street"] == "12 Pier St"


def test_a_clinics_name_is_adapted_to_what_twilio_accepts(twilio_stand_in):
    made = an_address(customer_name="Smith & Sons #1 Dental @ the Harbor of Long Island")
    assert made["customer_name"] == "Smith and Sons 1 Dental the Harb"
    with pytest.raises(ValueError, match="not a valid address tag"):
        an_address("x" * 33)


# prices


def test_a_numbers_monthly_price_comes_from_twilio(twilio_stand_in):
    assert prices.monthly_number_price() == prices.Price(115, "usd")
    assert prices.monthly_number_price("XX") is None
    twilio_stand_in.books.prices["US"] = "1.151"
    assert prices.monthly_number_price() == prices.Price(116, "usd")


def test_an_unreadable_price_is_unknown_instead_of_free(twilio_stand_in):
    twilio_stand_in.books.prices["US"] = "free"
    twilio_stand_in.fault("rate_limit_429", PRICES, "GET")
    for outcome in ("retry_later", "unknown"):
        with pytest.raises(ProviderError) as told:
            prices.monthly_number_price()
        assert told.value.outcome == outcome


# calls


def test_a_forwarded_test_call_reaches_our_voice_webhook(twilio_stand_in):
    """Given a clinic whose number forwards to ours, when a test number calls the clinic's, then our
    voice webhook gets a signed request with the caller and the forwarding number.
    """
    ours, caller = buy(), buy(tag="pp-tester")
    twilio_stand_in.phone(CLINIC, forwards_to=ours["phone_number"])
    placed = calls.place_test_call(
        CLINIC,
        caller["phone_number"],
        twiml="<Response><Pause length='5'/></Response>",
    )
    assert placed["status"] == "queued"
    told = twilio_stand_in.told()
    url, form, headers = next(each for each in told if each[0] == VOICE)
    assert (form["From"], form["To"]) == (caller["phone_number"], ours["phone_number"])
    assert (form["ForwardedFrom"], form["CallStatus"], form["Direction"]) == (
        CLINIC,
        "ringing",
        "inbound",
    )
    assert RequestValidator(MAGIC_TOKEN).validate(url, form, headers["X-Twilio-Signature"])
    ended = {address: fields["CallStatus"] for address, fields, _ in told}
    assert ended[STATUS] == "completed"
    after = real_now() - timedelta(minutes=1)
    assert [row["id"] for row in calls.find_calls(CLINIC, caller["phone_number"], after)] == [
        placed["id"]
    ]
    arrived = calls.find_calls(ours["phone_number"], caller["phone_number"], after)
    assert [(row["direction"], row["forwarded_from"]) for row in arrived] == [("inbound", CLINIC)]
    assert calls.get_call(placed["id"])["status"] in calls.FINAL
    assert twilio_stand_in.fees("call") > 0


@pytest.mark.parametrize(
    ("answer", "forwards_to", "status"),
    [
        ("completed", "", "completed"),  # no forwarding: the clinic picks up
        ("busy", "", "busy"),
        ("no-answer", "", "no-answer"),
        ("failed", "", "failed"),
        ("completed", CLINIC, "busy"),  # forwards to itself
        ("completed", "+12125550102", "completed"),  # forwards to a number that is not ours
    ],
)
def test_a_test_call_that_is_not_forwarded_to_us_ends_with_its_status(
    twilio_stand_in, answer, forwards_to, status
):
    caller = buy()["phone_number"]
    twilio_stand_in.phone(CLINIC, answer, forwards_to)
    placed = calls.place_test_call(CLINIC, caller, twiml="<Response/>")
    assert [url for url, _, _ in twilio_stand_in.told() if url == VOICE] == []
    assert calls.get_call(placed["id"])["status"] == status


def test_a_customers_call_to_the_clinic_is_forwarded_to_us(twilio_stand_in):
    ours = buy()
    twilio_stand_in.phone(CLINIC, forwards_to="+12125550102")
    twilio_stand_in.phone("+12125550102", forwards_to=ours["phone_number"])
    assert twilio_stand_in.person_calls(CALLER, CLINIC) == "completed"
    form = next(fields for url, fields, _ in twilio_stand_in.told() if url == VOICE)
    assert (form["From"], form["ForwardedFrom"]) == (CALLER, "+12125550102")


def test_the_stand_in_sends_no_webhooks_to_vapis_real_host(twilio_stand_in):
    """Given a number that Vapi has pointed at itself, then the stand-in sends no webhook to Vapi's
    own host for its calls and texts, and the call is listed all the same.
    """
    ours = buy()
    theirs = {"voice_url": "https://api.vapi.ai/twilio/inbound_call"}
    numbers.update_number(ours["id"], sms_url="https://api.vapi.ai/twilio/sms", **theirs)
    assert twilio_stand_in.person_calls(CALLER, ours["phone_number"]) == "completed"
    twilio_stand_in.person_texts(CALLER, ours["phone_number"], "STOP")
    assert [url for url, _, _ in twilio_stand_in.told()] == [STATUS]
    arrived = calls.calls_to(ours["phone_number"], real_now() - timedelta(minutes=1))
    assert [(row["from"], row["status"]) for row in arrived] == [(CALLER, "completed")]


def test_an_invalid_test_call_is_refused(twilio_stand_in):
    ours = buy()["phone_number"]
    assert refused(calls.place_test_call, CLINIC, "+12125550777", twiml="<Response/>").code == (
        "21210"
    )
    assert refused(calls.place_test_call, "12", ours, twiml="<Response/>").code == "21211"
    twilio_stand_in.becomes_trial()
    error = refused(calls.place_test_call, CLINIC, ours, twiml="<Response/>")
    assert (error.code in TRIAL, "Upgrade" in error.advice) == (True, True)


@pytest.mark.parametrize(("kind", "placed"), [("refuse", 0), ("timeout_after", 1)])
def test_a_call_placed_without_an_answer_is_found_by_its_numbers_and_time(
    twilio_stand_in, kind, placed
):
    caller = buy()["phone_number"]
    before = real_now() - timedelta(minutes=1)
    twilio_stand_in.fault(kind, CALLS, seconds=6)
    with pytest.raises(ProviderError) as told:
        calls.place_test_call(CLINIC, caller, twiml="<Response/>")
    twilio_stand_in.stand_in.be_patient()
    assert told.value.outcome == "unknown"
    assert len(calls.find_calls(CLINIC, caller, before)) == placed
    assert calls.find_calls(CLINIC, caller, real_now() + timedelta(minutes=1)) == []


def test_a_refused_search_raises_instead_of_returning_an_empty_list(twilio_stand_in):
    """Given wrong credentials, then a search raises, with advice for the operator, and does not
    return an empty list.
    """
    twilio_stand_in.fault("forbidden_403", SEARCH, "GET")
    with pytest.raises(ProviderError) as told:
        available()
    assert told.value.outcome == "retry_later"
    assert "TWILIO_AUTH_TOKEN" in told.value.advice

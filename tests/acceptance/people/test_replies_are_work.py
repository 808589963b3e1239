"""B18: replies to texts become work items with a suggested action, and those that must stop contact
do so at once.
"""

from datetime import timedelta

import pytest

from actions.contact.escalate import DUE_AFTER
from actions.contact.postpone import postpone_contact
from models.books.inbox_event import InboxEvent
from models.contact.hold import Hold
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.transactions import transaction
from runtime.clock import business_now, rfc3339
from tests import given
from tests.acceptance.contact.test_people_answer_texts import a_text, own_sender
from tests.stories.texting import INBOUND, Texting

VISA = "4242 4242 4242 4242"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic that has texted a link to a customer."""
    texting.consents().send()
    return texting


def waiting(clinic):
    return clinic.get("/api/work-items?state=open&kind=reply")["data"]


def test_a_reply_becomes_a_work_item_about_the_texted_invoice(clinic):
    clinic.hear("I already paid this")
    (item,) = waiting(clinic)
    assert (item["context"]["class"], item["suggestedAction"]) == ("already_paid", "reply")
    assert (item["invoiceId"], item["customerId"]) == (clinic.invoice.id, clinic.customer.id)
    assert item["context"]["said"][0]["text"] == "I already paid this"
    assert clinic.ledger()["sms"]["optedOut"] is False


@pytest.mark.parametrize(("words", "code"), [("", "unknown"), ("I paid this", "already_paid")])
def test_staff_are_told_of_pictures_also_if_there_are_no_words(clinic, words, code):
    """Given a picture, perhaps of a receipt, then staff are asked to look at it."""
    clinic.tell(INBOUND, a_text(clinic, words, NumMedia="2"))
    (item,) = waiting(clinic)
    told = f"{words} (pictures or files, to be seen at Twilio: 2)".strip()
    assert (item["context"]["class"], item["context"]["said"][0]["text"]) == (code, told)


def test_a_text_without_words_or_pictures_is_ignored(clinic):
    clinic.tell(INBOUND, a_text(clinic, " "))
    assert waiting(clinic) == []


def test_a_reply_is_answered_at_the_number_it_came_from(clinic):
    clinic.hear("What is this for?")
    (item,) = waiting(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="Your visit of May 3.")
    assert answer.status_code == 202, answer.text
    clinic.work()
    assert (clinic.sent()[-1]["to"], waiting(clinic)) == (clinic.phone, [])


def test_several_replies_share_one_work_item_with_the_weightiest_class(clinic):
    for words in ("thanks", "I already paid", "ok"):
        clinic.hear(words)
    (item,) = waiting(clinic)
    assert [said["text"] for said in item["context"]["said"]] == ["thanks", "I already paid", "ok"]
    assert item["context"]["class"] == "already_paid"


def test_a_repeated_webhook_records_a_reply_once(clinic):
    for _ in range(2):
        clinic.tell(INBOUND, a_text(clinic, "How much is it?"))
    (item,) = waiting(clinic)
    assert len(item["context"]["said"]) == 1


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        ("My father passed away", "deceased", "opted_out"),
        ("We filed for bankruptcy", "bankruptcy", "opted_out"),
        ("hable con mi abogado", "attorney", "opted_out"),
        ("The amount is incorrect", "dispute", "bill_disputed"),
        ("I lost my job, can I pay monthly?", "hardship", "hardship"),
    ],
)
def test_a_reply_that_must_stop_contact_places_a_hold_at_once(clinic, words, kind, code):
    clinic.hear(words)
    assert Hold.get(Hold.customer == clinic.customer).kind == kind
    invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    assert clinic.ask(invoice=invoice).json["reasonCode"] == code
    assert len(waiting(clinic)) == 1
    clinic.hear(words)
    assert Hold.select().count() == 1


@pytest.mark.parametrize("words", ["The amount is incorrect", "I cannot pay this"])
def test_staff_can_reply_during_a_dispute_or_hardship_hold(clinic, words):
    clinic.hear(words)
    (item,) = waiting(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="We are looking into it.")
    assert answer.status_code == 202, answer.text


def test_a_wrong_number_reply_suppresses_texts_and_calls(clinic):
    clinic.hear("número equivocado")
    assert {row.channel for row in PhoneSuppression.select()} == {"sms", "voice"}
    assert waiting(clinic)[0]["context"]["class"] == "wrong_number"


def test_a_call_request_records_the_time_asked_for(clinic):
    clinic.hear("Call me tomorrow after 5pm please")
    context = waiting(clinic)[0]["context"]
    assert (context["asksFor"], context["when"]) == ("call", "tomorrow after 5pm")


def open_holds(who=None):
    rows = Hold.select().where(Hold.lifted_at.is_null())
    return [row for row in rows if who is None or row.account_id == who.account.id]


def test_a_request_for_a_later_time_holds_contact_but_allows_a_reply(clinic):
    """Given "call me tomorrow", then no text or call about any invoice before then, the work item
    is due then, and staff can reply at once.
    """
    clinic.hear("I already paid, but call me tomorrow")
    (hold,) = open_holds()
    assert (hold.kind, hold.until > business_now()) == ("later", True)
    invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    refused = clinic.ask(invoice=invoice).json
    assert refused["reasonCode"] == "asked_for_later"
    assert refused["nextAllowedAt"] >= rfc3339(hold.until)
    call = {"invoiceId": invoice.id, "channel": "voice"}
    reasons = clinic.post("/api/compliance/evaluate", **call).json["reasons"]
    assert "asked_for_later" in {each["reasonCode"] for each in reasons}
    (item,) = waiting(clinic)
    assert (item["context"]["class"], item["dueAt"]) == ("already_paid", rfc3339(hold.until))
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="We will look for it.")
    assert answer.status_code == 202, answer.text


def test_a_sooner_time_moves_up_the_work_item_but_not_the_hold(clinic):
    clinic.hear("Llámeme en dos semanas")
    (hold,) = open_holds()
    clinic.hear("Better call me in 2 hours")
    assert [each.id for each in open_holds()] == [hold.id]
    assert waiting(clinic)[0]["dueAt"] < rfc3339(hold.until)
    clinic.hear("call me now please")
    assert waiting(clinic)[0]["dueAt"] <= rfc3339(business_now())
    clinic.hear("don't call me", phone="+12025550199")
    clinic.hear("call me")
    assert [each.id for each in open_holds()] == [hold.id], "no time is named"


def test_a_call_request_does_not_postpone_a_disputes_work_item(clinic):
    """Given a dispute, then a later request for a call at another time does not postpone its work
    item, and "call me now" makes it due at once.
    """
    clinic.hear("I dispute this, call me tomorrow")
    (before,) = waiting(clinic)
    clinic.hear("call me in two weeks")
    (item,) = waiting(clinic)
    assert (item["context"]["class"], item["dueAt"]) == ("dispute", before["dueAt"])
    clinic.hear("Call me now. I am away in 2 weeks")
    assert waiting(clinic)[0]["dueAt"] <= rfc3339(business_now())


@pytest.mark.parametrize("kind", ["attorney", "later"])
def test_a_clinics_own_hold_survives_any_requested_time(clinic, kind):
    clinic.post(f"/api/customers/{clinic.customer.id}/holds", kind=kind)
    clinic.hear("call me tomorrow")
    clinic.hear("call me now")
    assert (kind, None) in {(hold.kind, hold.until) for hold in open_holds()}


def test_a_shared_phones_text_holds_each_customer_and_lifts_no_hold(clinic):
    """Given two customers with one phone, then a text puts contact with both on hold and lifts no
    hold; the work item is due when the text says.
    """
    other = given.a_customer(clinic.account, phone=clinic.phone)
    with transaction():
        postpone_contact(other, "in 3 weeks", clinic.phone, "call:call_1")
    (theirs,) = open_holds()
    clinic.hear("call me in 2 hours")
    assert {hold.customer_id for hold in open_holds()} == {other.id, clinic.customer.id}
    assert waiting(clinic)[0]["dueAt"] < rfc3339(theirs.until)
    clinic.hear("call me now")
    assert Hold.get_by_id(theirs.id).lifted_at is None


def test_a_requested_time_holds_contact_at_other_clinics_on_the_sender_too(clinic):
    """Given two clinics that share a sender, then a requested time holds both; a sooner time is
    work for the clinic that was texting, and shortens neither hold.
    """
    hill = clinic.another_clinic().consents()
    clinic.hear("call me in two weeks")
    assert ([len(open_holds(each)) for each in (clinic, hill)], waiting(hill)) == ([1, 1], [])
    clinic.hear("call me tomorrow")
    (ours,), (theirs,) = open_holds(clinic), open_holds(hill)
    assert ours.until == theirs.until
    assert [each["dueAt"] < rfc3339(ours.until) for each in waiting(clinic)] == [True]


@pytest.mark.parametrize(
    "words",
    [
        "Sorry, I can't talk right now",
        "I'm busy",
        "Did you call me today?",
        "Please email me the bill from 10/05/2026",
        "call me now",
    ],
)
def test_later_words_do_not_shorten_a_requested_hold(clinic, words):
    """Given a customer who asked not to be contacted for weeks, then later words from the same
    phone do not shorten the hold.
    """
    clinic.hear("call me in three weeks")
    (hold,) = open_holds()
    clinic.hear(words)
    assert max(each.until for each in open_holds()) == hold.until
    assert clinic.ask().json["reasonCode"] == "asked_for_later"


def test_a_dispute_after_a_call_request_is_due_at_once(clinic):
    clinic.hear("call me in three weeks")
    clinic.hear("the bill is wrong")
    (item,) = waiting(clinic)
    assert item["context"]["class"] == "dispute"
    assert item["dueAt"] <= rfc3339(business_now())


@pytest.mark.parametrize("words", ["wrong number", "I already paid", "my insurance pays this"])
def test_a_weightier_reply_is_due_within_a_day_despite_a_later_call(clinic, words):
    """Given a call due in weeks, then a reply that weighs more is due within a day."""
    clinic.hear("call me in three weeks")
    clinic.hear(words)
    (item,) = waiting(clinic)
    assert item["context"]["class"] not in {"call_me", "later"}
    assert item["dueAt"] <= rfc3339(business_now() + DUE_AFTER)


def test_a_dispute_naming_a_call_time_is_due_within_a_day(clinic):
    clinic.hear("The bill is wrong. Call me in 3 weeks")
    (item,) = waiting(clinic)
    assert item["context"]["class"] == "dispute"
    assert item["dueAt"] <= rfc3339(business_now() + DUE_AFTER)
    assert {hold.kind for hold in open_holds()} == {"dispute", "later"}


@pytest.mark.parametrize(
    "words",
    [
        "I dispute this, call me tomorrow",
        "hable con mi abogado en dos semanas",
        "wrong number, call back in 3 weeks",
        "I already paid",
        "thanks",
        "call me in 3 years",
    ],
)
def test_every_reply_has_an_owner_and_a_due_date(clinic, words):
    """Given any reply, then its work item belongs to the clinic and is due: within a day, or within
    a year if the customer names a time years ahead.
    """
    clinic.hear(words)
    (item,) = waiting(clinic)
    within = timedelta(days=366) if "3 years" in words else DUE_AFTER
    assert item["owner"] == "clinic"
    assert item["dueAt"] <= rfc3339(business_now() + within)


def test_a_request_to_wait_years_holds_contact_for_years(clinic):
    clinic.hear("I am deployed, call me in 3 years")
    (hold,) = open_holds()
    assert hold.until > business_now() + timedelta(days=3 * 365)


@pytest.mark.parametrize(
    "words",
    ["call me now i have surgery on friday", "call me back right now I will be busy later"],
)
def test_a_request_to_call_now_is_due_at_once_whatever_its_reason(clinic, words):
    clinic.hear(words)
    assert open_holds() == []
    assert waiting(clinic)[0]["dueAt"] <= rfc3339(business_now())


@pytest.mark.parametrize(
    ("words", "kind"), [("My mother passed away", "deceased"), ("call me in 3 weeks", "later")]
)
def test_a_text_from_a_requested_number_counts_for_every_customer_on_it(clinic, words, kind):
    """Given a customer who asked to be contacted at another number, and another customer with that
    number on file, then a text from it counts for both.
    """
    number = "+12025550166"
    clinic.customer.contact_request = {"phone": number}
    clinic.customer.save()
    other = given.a_customer(clinic.account, phone=number)
    clinic.hear(words, phone=number)
    assert {(hold.customer_id, hold.kind) for hold in open_holds()} == {
        (clinic.customer.id, kind),
        (other.id, kind),
    }


@pytest.mark.parametrize("words", ["STOP", "START", "HELP", "Liked “Harbor Dental: pay here”"])
def test_keywords_and_reactions_open_no_work_item(clinic, words):
    clinic.hear(words)
    assert waiting(clinic) == []


def test_an_answer_that_twilio_takes_for_start_is_work_all_the_same(clinic):
    """Given a "Yes", which Twilio's Advanced Opt-Out takes for START, then staff get to read it."""
    clinic.hear("Yes")
    (item,) = waiting(clinic)
    assert [said["text"] for said in item["context"]["said"]] == ["Yes"]
    assert OptOut.get(OptOut.account_id == clinic.account.id).wish == "start"


def test_a_texted_card_number_is_not_stored(clinic):
    clinic.hear(f"charge {VISA}")
    (item,) = waiting(clinic)
    assert "[card number removed]" in item["context"]["said"][0]["text"]
    assert all("4242 4242" not in row.payload for row in InboxEvent.select())


def test_on_a_shared_sender_only_the_texting_clinic_sees_the_reply(clinic):
    hill = clinic.another_clinic().consents()
    clinic.hear("I already paid this")
    assert (len(waiting(clinic)), waiting(hill)) == (1, [])


def test_a_death_reported_on_a_shared_sender_places_a_hold_at_every_clinic(clinic):
    """Given two clinics that share a sender, then both record the hold, but only the one that was
    texting sees the text.
    """
    hill = clinic.another_clinic().consents()
    clinic.hear("My father passed away")
    assert {row.account_id for row in Hold.select()} == {clinic.account.id, hill.account.id}
    assert [waiting(each)[0]["context"]["said"][0]["text"] for each in (clinic, hill)] == [
        "My father passed away",
        "",
    ]


def test_a_strangers_text_to_a_clinics_own_number_opens_a_work_item(texting):
    number = own_sender(texting, "+12025550701")
    texting.hear("Can I pay in cash?", to=number, phone="+12025550188")
    (item,) = waiting(texting)
    assert (item["customerId"], item["context"]["phone"]) == (None, "+12025550188")
    answer = texting.post(f"/api/work-items/{item['id']}/reply", text="Yes, at the desk.")
    assert answer.json["code"] == "conflict"
    assert WorkItem.get().is_open

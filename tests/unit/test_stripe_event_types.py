"""The Stripe event types that we process are listed once; readers, subscription and docs agree."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.stripe.client import API_VERSION
from providers.stripe.events import read_event
from rules.stripe_event_types import (
    CARD_EVENTS,
    EVENT_TYPES,
    FORMER_CARD_EVENTS,
    SUBSCRIBED,
    UNNAMED,
    event_type,
    is_card_event,
    names_of,
)
from runtime.settings import ROOT

SUBJECTS = {
    "payment": {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1,
        "currency": "usd",
    },
    "session": {"id": "cs_1", "mode": "payment", "payment_intent": "pi_1", "currency": "usd"},
    "refund": {"id": "re_1", "object": "refund", "payment_intent": "pi_1"},
    "refunds changed": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"},
    "dispute changed": {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["data", "object", "id", "payment_intent", "metadata", "invoice_id", "x"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("name", SUBSCRIBED)
def test_every_subscribed_event_is_read_with_its_intent(name):
    """Given an event of a subscribed type, then it is read, and its intent is found."""
    subject = SUBJECTS[event_type(name).tells]
    event = {"type": name, "data": {"object": subject}}
    assert read_event(event).intent_id == "pi_1"
    assert names_of(event)[0] == "pi_1"


def test_the_endpoints_page_lists_the_events_to_subscribe_to():
    """Field report 26: saved-card events have the names to which a new endpoint can subscribe."""
    page = (ROOT / "docs/operations/books.md").read_text()
    section = page.partition("## The endpoint at Stripe")[2].partition("## ")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", section)) == {*SUBSCRIBED, *CARD_EVENTS}
    assert API_VERSION in section


@pytest.mark.parametrize("name", [*CARD_EVENTS, *FORMER_CARD_EVENTS])
def test_an_event_about_a_clinics_card_is_no_payment_event(name):
    assert is_card_event(name)
    assert event_type(name) is None


def test_no_type_is_listed_twice():
    """Given the list, then each subscribed type belongs to its own entry only."""
    for known in EVENT_TYPES:
        assert [event_type(name) for name in known.subscribed] == [known] * len(known.subscribed)
    assert set(UNNAMED) == {
        "refund.",
        "charge.refund.updated",
        "charge.refunded",
        "charge.dispute.",
    }


@pytest.mark.parametrize("name", ["", "charge.succeeded", "customer.updated", "payout.paid"])
def test_other_event_types_are_not_read(name):
    assert event_type(name) is None
    assert read_event({"type": name, "data": {"object": {"payment_intent": "pi_1"}}}) is None


def test_the_invoice_is_named_by_the_metadata():
    subject = {"payment_intent": {"id": "pi_1"}, "metadata": {"invoice_id": "inv_1"}}
    assert names_of({"data": {"object": subject}}) == ("pi_1", "inv_1")


@pytest.mark.parametrize("odd", ["pi\x00_1", "pi 1", "x" * 256, 7, None, ["pi_1"], {"id": 3}])
def test_an_invalid_id_names_no_intent_and_no_invoice(odd):
    """PostgreSQL stores no NUL, and indexes no long text; such an event is stored all the same."""
    subject = {"payment_intent": odd, "metadata": {"invoice_id": odd}}
    assert names_of({"data": {"object": subject}}) == ("", "")


@given(JSON)
def test_no_event_makes_reading_its_names_raise(document):
    event = document if isinstance(document, dict) else {"data": document}
    assert all(isinstance(name, str) for name in names_of(event))

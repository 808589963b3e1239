"""The list of events."""

import pytest
import stripe


def test_events_are_listed_by_type_by_time_and_by_page(world):
    for name in ("a", "b", "c"):
        world.stripe.customers.create({"name": name})
    world.charge()

    def names(**query):
        return [event.type for event in world.stripe.events.list(query).data]

    assert names(type="customer.*") == ["customer.created"] * 3
    assert names(types=["payment_intent.succeeded", "charge.succeeded"]) == [
        "payment_intent.succeeded",
        "charge.succeeded",
    ]
    first = world.stripe.events.list({"limit": 2})
    assert first.has_more
    rest = world.stripe.events.list({"starting_after": first.data[-1].id, "limit": 100})
    assert len(rest.data) == 5
    newer = world.stripe.events.list({"ending_before": rest.data[0].id, "limit": 100})
    assert [event.id for event in newer.data] == [event.id for event in first.data]
    assert world.stripe.events.retrieve(first.data[0].id).type == first.data[0].type
    assert names(created={"gte": first.data[0].created + 100}) == []
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.events.list({"type": "a", "types": ["b"]})


def test_an_event_keeps_the_object_as_it_was_when_it_happened(world):
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    world.stripe.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://x.test"}
    )
    created = world.stripe.events.list({"type": "payment_intent.created"}).data[0]
    assert created.data.object.status == "requires_payment_method"

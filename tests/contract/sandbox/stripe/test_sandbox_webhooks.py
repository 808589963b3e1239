"""Webhooks: signed, delivered at least once, and duplicated, dropped or reordered on request."""

import collections
import time

import pytest
import stripe


def test_events_arrive_signed_and_whole(world, receiver, eventually):
    world.listen(receiver)
    intent = world.stripe.payment_intents.create(
        {"amount": 900, "currency": "usd", "metadata": {"invoice_id": "i"}}
    )
    eventually(lambda: receiver.got)
    event = receiver.events()[0]
    assert (event.type, event.api_version, event.livemode) == (
        "payment_intent.created",
        "2026-10-28.endive",
        False,
    )
    assert event.data.object.id == intent.id
    assert event.data.object.metadata["invoice_id"] == "i"
    assert event.request.id.startswith("req_")
    assert "account" not in event
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(receiver.got[0][0], receiver.got[0][1], "whsec_other")


def test_a_failed_delivery_is_retried_with_a_fresh_signature(world, receiver, eventually):
    world.control("settings", retry_base=3600, retry_cap=3600)
    receiver.statuses = [503]
    world.listen(receiver)
    world.stripe.customers.create({"name": "Ada"})
    eventually(lambda: world.shown("deliveries", last_status=503)["deliveries"])
    assert [event.type for event in world.stripe.events.list({"delivery_success": False}).data] == [
        "customer.created"
    ]
    world.sandbox.shared.wall = lambda: time.time() + 3600
    eventually(lambda: world.shown("deliveries", state="delivered")["deliveries"])
    (first, first_signature), (second, second_signature) = receiver.got
    assert first == second
    assert first_signature != second_signature
    assert world.stripe.events.list({"delivery_success": False}).data == []


def test_only_enabled_events_are_delivered(world, receiver, eventually):
    endpoint = world.listen(receiver, enabled_events=["payment_intent.succeeded"])
    world.charge()
    eventually(lambda: receiver.got)
    eventually(lambda: world.shown("deliveries")["idle"])
    assert [event.type for event in receiver.events()] == ["payment_intent.succeeded"]
    world.stripe.webhook_endpoints.update(endpoint.id, {"disabled": True})
    world.charge()
    assert len(world.shown("deliveries")["deliveries"]) == 1
    assert world.stripe.webhook_endpoints.delete(endpoint.id).deleted


def test_deliveries_are_duplicated_dropped_and_reordered_by_the_seed(world, receiver, eventually):
    world.control(
        "settings", seed=7, duplicate_rate=0.3, drop_rate=0.2, shuffle_window=0.2, delay_max=0.05
    )
    world.listen(receiver)
    begun = time.time()
    world.sandbox.shared.wall = lambda: begun  # all become due at once
    made = [world.stripe.customers.create({"name": f"c{i}"}).id for i in range(30)]
    world.sandbox.shared.wall = time.time
    eventually(lambda: world.shown("deliveries")["idle"])
    counts = collections.Counter(event.data.object.id for event in receiver.events())
    arrived = [event.data.object.id for event in receiver.events()]
    dropped = {row["event_id"] for row in world.shown("deliveries", state="dropped")["deliveries"]}
    assert 0 < len(dropped) < 30
    assert max(counts.values()) == 2
    assert len(counts) == 30 - len(dropped)
    assert list(dict.fromkeys(arrived)) != [each for each in made if each in counts]
    assert {
        event.id
        for event in world.stripe.events.list({"delivery_success": False, "limit": 100}).data
    } == dropped


def test_held_events_wait_for_release(world, receiver, eventually):
    world.control("settings", hold=True)
    world.listen(receiver)
    world.stripe.customers.create({"name": "Ada"})
    held = world.shown("deliveries", state="held")["deliveries"]
    assert len(held) == 1
    assert not receiver.got
    assert world.control("deliveries/release") == {"released": 1}
    eventually(lambda: receiver.got)


def test_an_event_can_be_redelivered(world, receiver, eventually):
    world.listen(receiver)
    world.stripe.customers.create({"name": "Ada"})
    eventually(lambda: world.shown("deliveries", state="delivered")["deliveries"])
    event = world.stripe.events.list().data[0]
    assert world.control(f"events/{event.id}/redeliver") == {"redelivered": 1}
    eventually(lambda: len(receiver.got) == 2)
    assert {event.id for event in receiver.events()} == {event.id}

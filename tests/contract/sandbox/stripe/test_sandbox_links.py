"""Payment links: visited, paid, exhausted, deactivated."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe


def test_a_link_is_paid_after_a_decline(world):
    link = world.link(1500, invoice="inv_7")
    visit = world.visit(link)
    declined = world.pay(visit, "4000 0000 0000 9995")
    assert declined.status_code == 402
    assert declined.json()["error"]["decline_code"] == "insufficient_funds"
    assert world.stripe.checkout.sessions.retrieve(visit["session"]).status == "open"
    paid = world.pay(visit).json()
    assert (paid["status"], paid["payment_status"]) == ("complete", "paid")
    intent = world.stripe.payment_intents.retrieve(paid["payment_intent"])
    assert (intent.status, intent.amount_received, intent.metadata["invoice_id"]) == (
        "succeeded",
        1500,
        "inv_7",
    )
    assert world.types() == [
        "payment_link.created",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "payment_link.updated",
        "checkout.session.completed",
    ]
    expected = {"currency": "usd", "received": 1500, "refunded": 0, "disputed": 0}
    assert expected.items() <= world.shown("ledger")["invoices"]["inv_7"].items()


def test_metadata_of_a_link_reaches_its_sessions_but_not_their_intents(world):
    link = world.link(metadata={"on": "link"}, payment_intent_data={"metadata": {"on": "intent"}})
    visit = world.visit(link)
    paid = world.pay(visit).json()
    assert world.stripe.checkout.sessions.retrieve(visit["session"]).metadata.to_dict() == {
        "on": "link"
    }
    assert world.stripe.payment_intents.retrieve(paid["payment_intent"]).metadata.to_dict() == {
        "on": "intent"
    }


def test_a_link_closes_at_its_limit_of_sessions(world):
    link = world.link(inactive_message="Paid already, thank you.")
    world.pay(world.visit(link))
    closed = world.payer.get(link.url)
    assert (closed.status_code, closed.json()["error"]["message"]) == (
        410,
        "Paid already, thank you.",
    )
    after = world.stripe.payment_links.retrieve(link.id)
    assert (after.active, after.restrictions.completed_sessions.count) == (False, 1)


@pytest.mark.parametrize(
    ("mode", "second", "received"), [("enforced", 410, 1500), ("race", 200, 3000)]
)
def test_a_second_open_tab_pays_only_if_the_limit_is_not_enforced(world, mode, second, received):
    world.control("settings", link_limit=mode)
    link = world.link()
    tabs = [world.visit(link), world.visit(link)]
    assert world.pay(tabs[0]).status_code == 200
    assert world.pay(tabs[1]).status_code == second
    assert world.shown("ledger")["invoices"]["inv_1"]["received"] == received


def test_a_deactivated_link_is_closed_but_its_open_session_can_be_paid(world):
    link = world.link()
    visit = world.visit(link)
    world.stripe.payment_links.update(link.id, {"active": False})
    assert world.payer.get(link.url).status_code == 410
    assert [each.id for each in world.stripe.payment_links.list({"active": False}).data] == [
        link.id
    ]
    assert world.pay(visit).status_code == 200


def test_an_expired_session_cannot_be_paid_and_its_intent_is_cancelled(world):
    visit = world.visit(world.link())
    world.pay(visit, "4000000000000002")
    expired = world.stripe.checkout.sessions.expire(visit["session"])
    assert expired.status == "expired"
    assert world.pay(visit).status_code == 410
    assert world.stripe.payment_intents.retrieve(expired.payment_intent).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.checkout.sessions.expire(visit["session"])


def test_the_payment_page_shows_the_amount_and_errors_in_html(world):
    link = world.link(1200, "jpy")
    page = world.http.get(link.url).text
    assert "JPY 1,200" in page
    assert 'name="card_number"' in page
    session = world.stripe.checkout.sessions.list({"payment_link": link.id, "status": "open"}).data[
        0
    ]
    again = world.http.post(f"/checkout/{session.id}", data={"card_number": "4000000000000127"})
    assert "security code is incorrect" in again.text
    assert 'role="alert"' in again.text
    done = world.http.post(
        f"/checkout/{session.id}", data={"payment_method": "pm_card_visa", "email": "<b>@x.test"}
    )
    assert "payment has been received" in done.text
    assert (
        world.stripe.checkout.sessions.retrieve(session.id).customer_details.email == "<b>@x.test"
    )


def test_the_payer_is_redirected_after_completion(world):
    link = world.link(
        after_completion={
            "type": "redirect",
            "redirect": {"url": "https://clinic.test/thanks?s={CHECKOUT_SESSION_ID}"},
        }
    )
    visit = world.visit(link)
    assert world.pay(visit).json()["redirect"] == f"https://clinic.test/thanks?s={visit['session']}"


def test_an_invalid_card_number_starts_no_payment(world):
    visit = world.visit(world.link())
    assert world.pay(visit, "4242424242424241").json()["error"]["code"] == "incorrect_number"
    assert world.types() == ["payment_link.created"]


def test_a_3d_secure_card_is_paid_only_after_authentication(world):
    visit = world.visit(world.link())
    asked = world.pay(visit, "4000002500003155").json()
    assert asked["status"] == "open"
    assert (
        world.payer.post(asked["authenticate"], data={"outcome": "fail"}).json()["status"] == "open"
    )
    asked = world.pay(visit, "4000002500003155").json()
    assert (
        world.payer.post(asked["authenticate"], data={"outcome": "succeed"}).json()[
            "payment_status"
        ]
        == "paid"
    )
    assert "payment_intent.requires_action" in world.types()


def test_only_one_of_many_concurrent_payments_of_a_link_succeeds(world):
    link = world.link()
    visits = [world.visit(link) for _ in range(8)]
    with ThreadPoolExecutor(8) as payers:
        answers = list(payers.map(lambda visit: world.pay(visit).status_code, visits))
    assert sorted(answers) == [200] + [410] * 7
    assert world.shown("ledger")["invoices"]["inv_1"]["received"] == 1500

"""An invoice's timeline: events, decisions and effects in order, each with its reason (B11)."""

from datetime import timedelta

import pytest

from models.accounts.audit_entry import AuditEntry
from models.contact.contact_decision import ContactDecision
from models.delivery.staged_job import NewJob, StagedJob, insert_jobs
from models.effects.effect import Effect
from rules.contact.facts import Refused
from rules.timeline_text import asked_for
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic


@pytest.fixture
def clinic(client, valkey):
    return Watching(client, redis=valkey.client(), project="")


class Watching(Clinic):
    """A clinic that reads the timeline of one of its invoices."""

    def see(self, query="", headers=None):
        return self.get(f"/api/invoices/{self.invoice.id}/timeline{query}", headers)

    def lines(self):
        return self.see("?limit=100").json["data"]

    def an_effect(self, kind, state="sending", **values):
        now = real_now()
        row = Effect.reserve(
            kind,
            f"{kind}:1",
            "stripe",
            {},
            now + timedelta(hours=1),
            now,
            None,
            account_id=self.account.id,
            invoice_id=self.invoice.id,
            **values,
        )
        Effect.update(
            state=state, settled_at=now if state in {"confirmed", "refused"} else None
        ).where(Effect.id == row.id).execute()
        return row


def test_the_timeline_shows_a_payment_and_its_refund_in_order(clinic):
    """Given an invoice whose payment is declined, then succeeds and is partly refunded, then its
    timeline shows this in order, in sentences.
    """
    declined = given.an_intent(
        clinic.invoice,
        "requires_payment_method",
        last_payment_error={"decline_code": "insufficient_funds", "charge": "ch_1"},
    )
    clinic.happens("payment_intent.payment_failed", declined)
    paid = given.an_intent(clinic.invoice)
    clinic.happens("payment_intent.succeeded", paid)
    clinic.happens("refund.created", given.a_refund(paid, 500))
    lines = clinic.lines()
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    told = [(line["kind"], line["type"]) for line in lines]
    wanted = [
        ("fact", "invoice.made"),
        ("event", "payment_intent.payment_failed"),
        ("notice", "payment.failed"),
        ("event", "payment_intent.succeeded"),
        ("notice", "payment.succeeded"),
        ("notice", "invoice.paid"),
        ("event", "refund.created"),
    ]
    assert [pair for pair in told if pair in wanted] == wanted
    facts = {
        line["id"].split(":")[0]: line
        for line in lines
        if line["kind"] == "fact" and line["amount"]
    }
    assert (
        facts["payment"]["reason"]
        == "A payment of 125.00 USD (stripe): succeeded, 125.00 USD received."
    )
    assert (facts["refund"]["amount"], facts["refund"]["status"]) == (500, "succeeded")
    fed = {line["reason"] for line in lines if line["kind"] == "notice"}
    assert "invoice.paid was added to the feed for the clinic's software." in fed
    assert any("does not have enough funds" in line["reason"] for line in lines)
    assert all(line["reason"].endswith((".", ")")) for line in lines)


def test_the_timeline_shows_each_change_with_old_and_new_value(clinic):
    """Given an invoice whose amount and date are changed, and a repeated change without effect,
    then the timeline shows each change once, with the old and the new value and who made it.
    """
    path, changes = f"/api/invoices/{clinic.invoice.id}", {"amountDue": 5_000, "notes": "agreed"}
    for body in (changes, changes, {"dueDate": "2099-03-31"}):
        answer = clinic.client.simulate_patch(path, json=body, headers=clinic.headers)
        assert answer.status_code == 200, answer.text
    lines = [line for line in clinic.lines() if line["type"] in {"invoice.made", "invoice.changed"}]
    made, *changed = [line["reason"].partition(": ")[::2] for line in lines]
    assert made == ("The invoice was created. It is for 50.00 USD, due on 2099-03-31.", "")
    assert [what for _, what in changed] == [
        "invoice changed: amount from 125.00 USD to 50.00 USD.",
        "invoice changed: due date from 2099-01-31 to 2099-03-31.",
    ]
    assert {who[:4] for who, _ in changed} == {"key:"}


def test_the_timeline_shows_stripes_refusal_message_and_advice(clinic):
    """Given a refusal without a code, then the timeline shows Stripe's message beside the
    exception's name.
    """
    row = clinic.an_effect("payment_link", asked_by="key:1", reason="a link")
    row.record_refused("InvalidRequestError", "Invalid currency: xyz.", real_now())
    [told] = [line["reason"] for line in clinic.lines() if line["type"] == "payment_link.refused"]
    assert "Invalid currency: xyz (InvalidRequestError)." in told
    assert told.endswith("and ask again.")


def test_a_links_reason_names_the_amount_owed(clinic):
    """Given a link's reason, then it names the amount owed and the balance revision."""
    told = asked_for(12_500, "usd", "7", 0)
    assert told == "125.00 USD to be paid on invoice 7, revision 0 of its balance"


def test_the_timeline_shows_each_effect_with_its_reason_and_outcome(clinic):
    """Given effects in several states, then each line says what the effect was, why, and its
    outcome.
    """
    clinic.an_effect(
        "payment_link", "confirmed", asked_by="key:1", reason="125.00 USD to be paid on invoice 7"
    )
    clinic.an_effect("text", "unknown", asked_by="key:1", reason="the payment link")
    clinic.an_effect(
        "intent_confirm",
        "refused",
        asked_by="key:1",
        reason="phone payment",
        error_code="stolen_card",
        error="Your card was reported stolen.",
    )
    lines = {
        (line["type"], line["id"].endswith(":settled")): line
        for line in clinic.lines()
        if line["kind"] == "effect"
    }
    assert (
        lines["payment_link", False]["reason"]
        == "Create a payment link at Stripe: 125.00 USD to be paid on invoice 7."
    )
    assert (
        lines["payment_link.confirmed", True]["reason"] == "Create a payment link at Stripe: Done."
    )
    assert "not known yet" in lines["text", False]["reason"]
    refused = lines["intent_confirm.refused", True]["reason"]
    assert "was declined" in refused
    assert "stolen" not in str(clinic.lines()), "that a card was stolen is not told"


def test_the_timeline_shows_decisions_dead_jobs_and_audited_actions(clinic):
    """Given a text that was not allowed, a dead job and an audited action, then the timeline shows
    each with its reason, and the command that retries the job.
    """
    answer = Refused("too_many", "Three texts were sent today.", real_now() + timedelta(days=1))
    about = {
        "account_id": clinic.account.id,
        "customer_id": clinic.invoice.customer_id,
        "invoice_id": clinic.invoice.id,
    }
    ContactDecision.record(answer, real_now(), channel="sms", asked_by="key:1", **about)
    link = clinic.client.simulate_post(
        f"/api/invoices/{clinic.invoice.id}/payment-links", json={}, headers=clinic.headers
    ).json["paymentLinkId"]
    job = StagedJob.get_or_none(StagedJob.key == link) or StagedJob.get_by_id(
        insert_jobs(
            "create_payment_link", [NewJob(link, [link])], "messages", 8, 0.0, pushed=False
        )[0]
    )
    StagedJob.update(state="dead", attempts=10).where(StagedJob.id == job.id).execute()
    AuditEntry.record("key:1", "invoice.noted", f"invoice:{clinic.invoice.id}", clinic.account.id)
    lines = {line["kind"]: line for line in clinic.lines()}
    assert lines["decision"]["reason"].startswith(
        "A text was not allowed: Three texts were sent today. Allowed again from "
    )
    assert lines["decision"]["status"] == "too_many"
    assert f"bin/payphone jobs retry {job.id}" in lines["job"]["reason"]
    assert lines["audit"]["reason"] == "key:1: invoice noted."


def test_timeline_pages_join_without_gap_or_overlap(clinic):
    """Given a long timeline, when it is read three lines at a time, then the pages add up to the
    whole.
    """
    for _ in range(4):
        clinic.happens("payment_intent.succeeded", given.an_intent(clinic.invoice, amount=100))
    whole, read, cursor = clinic.lines(), [], ""
    while True:
        page = clinic.see(f"?limit=3{f'&startingAfter={cursor}' if cursor else ''}").json
        read += page["data"]
        if not page["hasMore"]:
            break
        cursor = page["data"][-1]["id"]
    assert (read, len(whole) > 9) == (whole, True)


def test_another_clinics_timeline_is_not_found(clinic):
    assert clinic.see(headers=given.a_key(given.an_account())).status_code == 404


def test_another_invoices_events_are_not_shown(clinic):
    other = given.an_invoice(clinic.account)
    clinic.happens("payment_intent.succeeded", given.an_intent(other))
    assert [line["type"] for line in clinic.lines()] == ["invoice.made"]


@pytest.mark.one_database
@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?startingAfter=payment:pay_other"])
def test_an_invalid_page_or_cursor_is_refused(clinic, query):
    assert clinic.see(query).status_code == 422

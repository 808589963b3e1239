"""Whole calls with Vapi's stand-in: the assistant asks our tools, and reports come at the end."""

from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from sandbox.vapi.control import answers
from tests.calling import Calling


def test_who_promises_is_verified_and_held_to_it(calling: Calling):
    """Given a person who says who they are and when they will pay, while Vapi asks our tools in one
    shape after the other, then they are verified, the promise is kept in a row, and the outcome
    says so.
    """
    who = {"fullName": "Ada Payer", "postalCode": "", "invoiceNumber": calling.invoice.number}
    answers(calling.vapi, calling.phone, "promises", who)
    call = calling.dials()

    assert set(calling.hears()) == {200}

    shown = calling.shown(call)
    assert shown["verifiedAt"]
    assert (shown["state"], shown["outcome"]) == ("ended", "promised")
    (promise,) = Promise.select()
    assert promise.recorded_by == call.actor


def test_who_asks_for_a_person_is_handed_over_once(calling: Calling):
    """Given the agent's tool and its report, which both say so, then one escalation is open."""
    calling.answers("asks_for_a_human")
    calling.dials()

    calling.hears()

    assert WorkItem.select().where(WorkItem.kind == "escalation").count() == 1

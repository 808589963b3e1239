"""What the ladder has planned, as staff see it: the lines of a timeline, and the command that
previews the scan.
"""

import pytest
from click.testing import CliRunner

from bin.commands.program import payphone
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from runtime.clock import move_business_time
from tests import given
from tests.stories.scanning import Scanning


@pytest.fixture
def clinic(texting):
    clinic = Scanning(texting)
    clinic.days_pass(1)
    yield clinic
    move_business_time(None)


def lines(clinic, invoice):
    """Return the timeline's lines about planned contacts."""
    shown = clinic.texting.get(f"/api/invoices/{invoice.id}/timeline?limit=100")["data"]
    return [row for row in shown if row["id"].startswith("planned:")]


def resolved(clinic, action):
    item = WorkItem.get(WorkItem.kind == "draft")
    answer = clinic.texting.post(f"/api/work-items/{item.id}/resolve", action=action)
    assert answer.status_code == 200, answer.text
    return item.id


def test_the_timeline_shows_a_draft_its_approval_and_the_contact(clinic):
    clinic.settings(first_contacts="draft")
    invoice, other = clinic.owes(3), clinic.owes(3)
    clinic.scan()
    assert [row["type"] for row in lines(clinic, invoice)] == ["contact.drafted"]
    resolved(clinic, "approve")
    told = lines(clinic, invoice)
    assert sorted(row["type"] for row in told) == [
        "contact.approved",
        "contact.drafted",
        "contact.performed",
    ]
    assert all(row["reason"].startswith("A text of day 3 ") for row in told)
    assert [row["id"] for row in lines(clinic, other)] == [row["id"] for row in told], "one text"


@pytest.mark.parametrize(
    ("what", "type", "code"),
    [
        ("decline", "contact.cancelled", "declined"),
        ("pay", "contact.refused", "invoice_paid"),
        ("wait", "contact.expired", "expired"),
    ],
)
def test_the_timeline_shows_why_a_draft_was_not_sent(clinic, what, type, code):
    clinic.settings(first_contacts="draft", ladder=[{"days": 3, "way": "sms"}])
    invoice = clinic.owes(3)
    clinic.scan()
    if what == "decline":
        resolved(clinic, "decline")
    elif what == "pay":
        body = {"invoiceId": invoice.id, "amount": invoice.amount_due, "currency": "usd"}
        clinic.texting.post("/api/payments/upsert", **body, method="cash", reference="till")
    else:
        clinic.days_pass(8)
    clinic.scan()
    (told,) = [row for row in lines(clinic, invoice) if row["id"].endswith(":over")]
    assert (told["type"], told["status"]) == (type, code)
    assert code in told["reason"]


def test_a_contact_without_a_draft_has_one_timeline_line(clinic):
    invoice = clinic.owes(3)
    clinic.scan()
    assert [(row["type"], row["status"]) for row in lines(clinic, invoice)] == [
        ("contact.performed", "performed")
    ]


def previewed(*more):
    done = CliRunner().invoke(payphone, ["contact", "preview", *more])
    return done.exit_code, done.output


def test_the_preview_command_shows_who_would_be_contacted_and_why_others_not(clinic):
    """The preview shows each coming contact or the reason against it, and contacts nobody."""
    silent = given.a_customer(clinic.account, phone=clinic.texting.phone)
    clinic.owes(2)
    clinic.owes(2, customer=silent)
    status, said = previewed("--account", clinic.account.id, "--days", "5")
    assert status == 0, said
    mine = [line for line in said.splitlines() if clinic.customer.id in line]
    assert [("sms, day 3" in line, "voice, day 7" in line) for line in mine] == [
        (True, False),
        (False, True),
    ]
    assert all("allowed" in line for line in mine)
    (theirs,) = [line for line in said.splitlines() if silent.id in line]
    assert "no_consent" in theirs
    assert PlannedContact.select().count() == 0


def test_the_preview_command_reports_when_nobody_would_be_contacted(clinic):
    status, said = previewed("--account", clinic.account.id)
    assert (status, "Nobody would be contacted in the next 7 days." in said) == (0, True), said
    status, said = previewed("--account", "ac_nobody")
    assert status != 0
    assert "ac_nobody" in said

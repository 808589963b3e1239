"""A later export shows invoices as closed that are open here (F63): they are named, and closed here
too if a person says so.
"""

import pytest

from actions.payments.recompute import recompute
from models.accounts.audit_entry import AuditEntry
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_link import PaymentLink
from models.transactions import transaction
from rules.payment_merge import Charge, PaymentReport
from runtime.clock import real_now
from tests import given
from tests.stories.importing import Books

HEAD = "Invoice No,Customer,Due Date,Balance,Currency,Status\n"
BEFORE = HEAD + "".join(
    f"Q-{number},Pat {number},2020-10-01,100.00,USD,Overdue\n" for number in range(1, 7)
)
LATER = HEAD + (
    "Q-1,Pat 1,2020-10-01,0.00,USD,Paid\n"
    "Q-2,Pat 2,2020-10-01,0.00,USD,Voided\n"
    "Q-3,Pat 3,2020-10-01,40.00,USD,Partially paid\n"
    "Q-4,Pat 4,2020-10-01,0.00,USD,Overdue\n"
    "Q-5,Pat 5,2020-10-01,100.00,USD,Uncollectible\n"
    "Q-6,Pat 6,2020-10-01,100.00,USD,Disputed\n"
    "Q-7,Pat 7,2020-10-01,0.00,USD,Paid\n"
)
OPEN = ("overdue", 10_000)


@pytest.fixture
def books(database_url, tmp_path):
    """A clinic with six overdue invoices that were imported earlier."""
    books = Books(tmp_path)
    assert books.take_in(BEFORE).exit_code == 0
    return books


def standing(number):
    row = Invoice.get(Invoice.number == number)
    return row.status, row.outstanding


def test_invoices_closed_in_the_file_are_listed_and_left_open(books):
    answer = books.take_in(LATER)
    assert answer.exit_code == 0, answer.output
    for told in (
        "Open here, Paid in the file: Q-1.",
        "Open here, Voided in the file: Q-2.",
        "Open here, nothing owed in the file: Q-4.",
        "Open here, Uncollectible in the file: Q-5.",
        "Open here, Disputed in the file: Q-6.",
        "import the file again with --close-paid",
    ):
        assert told in answer.output
    assert "Q-7" not in answer.output  # was never here
    assert [standing(f"Q-{number}") for number in (1, 2, 4, 5, 6)] == [OPEN] * 5
    assert standing("Q-3") == ("overdue", 4_000)  # the amount owed still follows the books
    assert Payment.select().count() == 0


def test_a_total_that_was_paid_in_full_is_listed_as_a_balance_of_zero_is(books):
    """Given a file with totals and what was paid of them, then an invoice of which all was paid is
    named, so that it is not collected; a total of zero says nothing.
    """
    answer = books.take_in(
        "Invoice No,Customer,Due Date,Amount,Paid,Currency\n"
        "Q-1,Pat 1,2020-10-01,100.00,100.00,USD\n"
        "Q-2,Pat 2,2020-10-01,100.00,Yes,USD\n"
        "Q-3,Pat 3,2020-10-01,0.00,,USD\n"
    )
    told = "Open here, nothing owed in the file: "
    assert any(f"{told}{named}." in answer.output for named in ("Q-1, Q-2", "Q-2, Q-1"))


def test_close_paid_closes_the_invoices_closed_in_the_file(books):
    link = PaymentLink.plan(Invoice.get(Invoice.number == "Q-1"), real_now())
    answer = books.take_in(LATER, "--close-paid", "--yes")
    assert answer.exit_code == 0, answer.output
    assert [standing(f"Q-{number}") for number in range(1, 7)] == [
        ("paid", 0),
        ("cancelled", 0),
        ("overdue", 4_000),
        ("paid", 0),
        ("written_off", 0),
        OPEN,  # staff decide about a dispute
    ]
    assert {(row.invoice.number, row.method, row.amount_received) for row in Payment.select()} == {
        ("Q-1", "elsewhere", 10_000),
        ("Q-4", "elsewhere", 10_000),
    }
    assert PaymentLink.get_by_id(link.id).state in {"retired", "retiring"}
    assert OutgoingEvent.select().where(OutgoingEvent.type == "invoice.paid").count() == 2
    audited = AuditEntry.select().where(AuditEntry.subject.startswith("invoice:"))
    assert sorted(entry.action for entry in audited) == [
        "invoice.cancelled",
        "invoice.changed",  # partly paid elsewhere
        "invoice.written_off",
        "payment.taken",
        "payment.taken",
    ]


def test_importing_the_same_file_again_closes_nothing_twice(books):
    books.take_in(LATER, "--close-paid", "--yes")
    before = list(Payment.select().dicts())
    answer = books.take_in(LATER, "--close-paid", "--yes")
    assert "Q-1" not in answer.output
    assert list(Payment.select().dicts()) == before


@pytest.mark.parametrize(("answer", "closed"), [("y\n", True), ("n\n", False)])
def test_close_paid_asks_for_confirmation_first(books, answer, closed):
    """Given `n` as the answer, then nothing at all is written; the person wants to look again."""
    said = books.take_in(LATER, "--close-paid", stdin=answer)
    assert "Close 4 invoices here, as the file says?" in said.output
    assert (standing("Q-1") == ("paid", 0)) is closed
    assert (standing("Q-3") == ("overdue", 4_000)) is closed


def test_a_dry_run_neither_closes_nor_asks(books):
    answer = books.take_in(LATER, "--close-paid", "--dry-run")
    assert answer.exit_code == 0
    assert "Close 4 invoices" not in answer.output
    assert standing("Q-1") == OPEN


def test_an_invoice_with_a_payment_in_progress_is_not_closed(books):
    """Given a bank debit in progress, then the invoice stays open: no money must count twice."""
    invoice = Invoice.get(Invoice.number == "Q-1")
    report = PaymentReport("", 10_000, 0, "usd", {"ch_1": Charge("processing")})
    Payment.record_report(invoice, "", "pi_1", report, real_now())
    answer = books.take_in(LATER, "--close-paid", "--yes")
    assert "Open here, Paid in the file, but a payment is under way here: Q-1." in answer.output
    assert standing("Q-1") == OPEN


def test_another_customers_invoice_of_the_same_number_is_not_closed(books):
    """Given two programs that both number from 1, then a customer who paid in one has not paid the
    other's invoice, and one's amount is not asked of the other's customer.
    """
    paid = 'Q-1,Bob Miller,2020-10-01,0.00,USD,Paid\nQ-2,"2, Pat",2020-10-01,0.00,USD,Paid\n'
    answer = books.take_in(HEAD + paid, "--close-paid", "--yes")
    assert "Open here, Paid in the file, but another customer's here: Q-1." in answer.output
    assert [standing(f"Q-{number}") for number in (1, 2)] == [OPEN, ("paid", 0)]
    owed = "Q-3,Bob Miller,2020-10-01,40.00,USD,Overdue\n"
    answer = books.take_in(HEAD + owed)
    assert "invoice Q-3 is another customer's here" in answer.output
    assert standing("Q-3") == OPEN


def test_a_renamed_customer_is_matched_by_email_or_phone(books):
    """Given a customer with another name in the later file, when e-mail or phone shows that it is
    the same customer, then the invoice is closed.
    """
    head = HEAD.replace("\n", ",Email,Phone\n")
    owed = (
        "Q-8,Ada Payer,2020-10-01,9.00,USD,Overdue,ada@example.com,\n"
        "Q-9,Bo,2020-10-01,9.00,USD,Overdue,,+12025550143\n"
    )
    assert books.take_in(head + owed).exit_code == 0
    paid = (
        "Q-8,Ada King,2020-10-01,0.00,USD,Paid,ada@example.com,none\n"
        "Q-9,Robert King,2020-10-01,0.00,USD,Overdue,none,(202) 555-0143\n"
    )
    answer = books.take_in(head + paid, "--close-paid", "--yes")
    assert answer.exit_code == 0, answer.output
    assert [standing(f"Q-{number}") for number in (8, 9)] == [("paid", 0)] * 2


def test_closing_a_partly_paid_invoice_records_only_the_rest(books):
    invoice = Invoice.get(Invoice.number == "Q-1")
    with transaction():
        Payment.record_taken(invoice, "cash", "till", 2_500, real_now())
        recompute(invoice)
    books.take_in(LATER, "--close-paid", "--yes")
    assert standing("Q-1") == ("paid", 0)
    received = [row.amount_received for row in Payment.select().where(Payment.invoice == invoice)]
    assert sorted(received) == [2_500, 7_500]


def test_what_was_partly_paid_elsewhere_is_named_beside_a_payment_here(books):
    """Given an invoice with a payment here, whose amount therefore stays, when less is owed by the
    file, then it is named, because the rest was paid elsewhere; not if the payment here explains
    it, nor if the books do not have that yet, nor while a bank works on one.
    """
    debit = PaymentReport("", 10_000, 0, "usd", {"ch_1": Charge("processing")})
    Payment.record_report(Invoice.get(Invoice.number == "Q-5"), "", "pi_1", debit, real_now())
    for number, paid in (("Q-1", 3_000), ("Q-2", 6_000), ("Q-4", 3_000)):
        invoice = Invoice.get(Invoice.number == number)
        Payment.record_taken(invoice, "cash", f"till {number}", paid, real_now())
        with transaction():
            recompute(Invoice.locked(invoice.id))
    answer = books.take_in(
        HEAD
        + "".join(
            f"Q-{number},Pat {number},2020-10-01,{owed},USD,Partially paid\n"
            for number, owed in ((1, "40.00"), (2, "40.00"), (4, "100.00"), (5, "40.00"))
        )
    )
    told = "More is owed here than in the file, record what was paid elsewhere: Q-1 ($70.00, $40.00"
    assert f"{told} in the file)." in answer.output
    assert [standing(f"Q-{number}")[1] for number in (1, 2, 4)] == [7_000, 4_000, 7_000]
    assert standing("Q-5") == OPEN


def test_a_draft_without_a_balance_does_not_count_as_paid(books):
    books.take_in(HEAD + "Q-1,Pat 1,2020-10-01,0.00,USD,Draft\n", "--close-paid", "--yes")
    assert standing("Q-1") == OPEN


def test_another_clinics_invoice_of_the_same_number_stays_open(books):
    other = given.an_invoice(number="Q-1", amount=9_900)
    books.take_in(LATER, "--close-paid", "--yes")
    assert given.fresh(other).outstanding == 9_900


def test_contradictory_lines_close_nothing(books):
    text = HEAD + "Q-1,Pat,2020-10-01,0.00,USD,Paid\nQ-1,Pat,2020-10-01,100.00,USD,Overdue\n"
    answer = books.take_in(text, "--close-paid", "--yes", "--skip-bad")
    assert "line 3: invoice Q-1 is on line 2" in answer.output
    assert standing("Q-1") == OPEN

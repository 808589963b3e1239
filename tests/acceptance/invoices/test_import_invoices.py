"""Invoices are imported from exports of QuickBooks and Xero (F63), with the columns of those
exports.
"""

import pytest
from peewee import OperationalError

from actions.invoices import import_invoices
from actions.payments.recompute import payload_of
from bin.commands.invoices import import_run
from models.accounts.audit_entry import AuditEntry
from models.contact.account_sender import AccountSender
from models.contact.consent import Consent
from models.contact.opt_out import OptOut
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_link import PaymentLink
from models.transactions import database
from rules.payment_merge import PaymentReport
from runtime.clock import real_now
from tests import given
from tests.stories.operators import run

QUICKBOOKS = """Invoice No,Customer,Invoice Date,Due Date,Terms,Amount,Open Balance,Currency,\
Email,Phone,Status
1001,Ada Payer,01/02/2026,01/31/2099,Net 30,"1,250.00","1,250.00",USD,\
ada@example.com,(202) 555-0123,Overdue
1002,Grace Hopper,01/02/2026,02/28/2099,Net 30,80.00,30.50,USD,\
grace@example.com,202-555-0144,Partially paid
1003,Alan Turing,01/02/2026,02/28/2099,Net 30,99.00,0.00,USD,,,Paid
1004,Edsger D.,01/02/2026,02/28/2099,Net 30,500,500,JPY,,+81312345678,Open
"""
XERO = (
    "ContactName,EmailAddress,POAddressLine1,POCity,POCountry,InvoiceNumber,Reference,"
    "InvoiceDate,DueDate,Total,InvoiceAmountDue,Description,Quantity,UnitAmount,LineAmount,"
    "Currency,Type,Sent,Status\nAda"
    " Payer,ada@example.com,1 Main St,London,United"
    " Kingdom,INV-1,Crown,22/11/2026,31/12/2099,150.00,150.00,Crown,1,100.00,100.00,GBP,Sales"
    " invoice,Sent,Awaiting Payment\nAda Payer,ada@example.com,1 Main St,London,United"
    " Kingdom,INV-1,Crown,22/11/2026,31/12/2099,150.00,150.00,Polish,1,50.00,50.00,GBP,Sales"
    " invoice,Sent,Awaiting Payment\nBob"
    " Gone,,,,,INV-2,,22/11/2026,31/12/2099,10.00,10.00,x,1,10.00,10.00,GBP,Sales"
    " invoice,,Voided\nCy"
    " Draft,,,,,INV-3,,22/11/2026,31/12/2099,10.00,10.00,x,1,10.00,10.00,GBP,Sales invoice,,Draft\n"
)


@pytest.fixture
def account(database_url):
    return given.an_account()


@pytest.fixture
def take_in(account, tmp_path):
    def importing(text: str | bytes, *options: str, name: str = "export.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        answer = run("invoices", "import", str(path), "--account", account.id, *options)
        database.connect(reuse_if_open=True)
        return answer

    return importing


def invoices():
    rows = Invoice.select(Invoice, Customer).join(Customer).order_by(Invoice.number)
    return [
        (
            row.number,
            row.customer.name,
            row.outstanding,
            row.currency,
            row.due_date.isoformat(),
            row.status,
        )
        for row in rows
    ]


def test_the_account_option_is_needed_only_with_several_accounts(database_url, tmp_path):
    """`invoices import FILE` without --account; with no account yet, or with two, it says what to
    do.
    """
    file = tmp_path / "export.csv"
    file.write_text("number;customer;dueDate;amount;currency\n1;Ada;2099-01-31;1.00;EUR\n")

    def importing():
        answer = run("invoices", "import", str(file))
        database.connect(reuse_if_open=True)
        return answer.exit_code, answer.output

    code, said = importing()
    assert code == 2
    assert "bin/payphone account create NAME" in said
    given.an_account()
    assert importing()[0] == 0
    assert [number for number, *_ in invoices()] == ["1"]
    given.an_account()
    code, said = importing()
    assert code == 2
    assert "--account" in said


def test_a_quickbooks_export_is_imported(take_in):
    answer = take_in(QUICKBOOKS, "--dates", "us")
    assert answer.exit_code == 0, answer.output
    assert invoices() == [
        ("1001", "Ada Payer", 125_000, "usd", "2099-01-31", "sent"),
        # the open balance is collected, not the total
        ("1002", "Grace Hopper", 3_050, "usd", "2099-02-28", "sent"),
        ("1004", "Edsger D.", 500, "jpy", "2099-02-28", "sent"),  # yen have no minor unit
    ]
    assert [row.phone for row in Customer.select().order_by(Customer.name)] == [
        "+12025550123",
        "+81312345678",
        "+12025550144",
    ]
    assert "quickbooks columns" in answer.output
    assert "Imported." in answer.output
    assert AuditEntry.get(AuditEntry.action == "invoices.imported").detail["created"] == 3


def test_xero_rows_of_one_invoice_are_imported_as_one(take_in):
    assert take_in(XERO, "--dates", "eu").exit_code == 0
    assert invoices() == [
        ("INV-1", "Ada Payer", 15_000, "gbp", "2099-12-31", "sent"),
        ("INV-3", "Cy Draft", 1_000, "gbp", "2099-12-31", "draft"),
    ]
    assert Invoice.get(Invoice.number == "INV-1").project == "Crown"


def test_an_imported_overdue_invoice_is_announced_once(take_in):
    """Given a file with overdue invoices and one that is not due yet, when it is imported twice,
    then each overdue one is reported once to the clinic's software.
    """
    text = (
        "number,customer,dueDate,amount,currency\nA-1,Ada,2020-01-31,10.00,usd\n"
        "A-2,Ada,2099-01-31,10.00,usd\nA-3,Ada,2020-01-31,10.00,usd\n"
    )
    for _ in range(2):
        assert take_in(text).exit_code == 0
    told = list(OutgoingEvent.select().order_by(OutgoingEvent.id))
    late = [row for row in Invoice.select().order_by(Invoice.number) if row.status == "overdue"]
    assert [row.number for row in late] == ["A-1", "A-3"]
    assert [(row.type, row.subject, row.payload) for row in told] == [
        ("invoice.overdue", f"invoice:{row.id}", payload_of(row)) for row in late
    ]


def test_importing_the_same_file_twice_changes_nothing(take_in):
    take_in(QUICKBOOKS, "--dates", "us")
    before = list(Invoice.select().order_by(Invoice.id).dicts())
    assert "unchanged" in take_in(QUICKBOOKS, "--dates", "us").output
    assert list(Invoice.select().order_by(Invoice.id).dicts()) == before
    assert Customer.select().count() == 3


def test_a_changed_invoice_is_updated_and_its_old_link_retired(take_in):
    take_in(QUICKBOOKS, "--dates", "us")
    invoice = Invoice.get(Invoice.number == "1002")
    link = PaymentLink.plan(invoice, real_now())
    take_in(
        QUICKBOOKS.replace("30.50", "20.00").replace("02/28/2099", "03/01/2099"), "--dates", "us"
    )
    row = given.fresh(invoice)
    assert (row.amount_due, row.outstanding, row.due_date.isoformat(), row.balance_revision) == (
        2_000,
        2_000,
        "2099-03-01",
        1,
    )
    assert PaymentLink.get_by_id(link.id).state in {"retired", "retiring"}


def test_an_invoice_with_payments_keeps_its_amount_whatever_the_file_says(take_in):
    take_in(QUICKBOOKS, "--dates", "us")
    invoice = Invoice.get(Invoice.number == "1002")
    Payment.record_report(
        invoice, "", "pi_1", PaymentReport("succeeded", 1_000, 1_000, "usd"), real_now()
    )
    assert "kept" in take_in(QUICKBOOKS.replace("30.50", "20.50"), "--dates", "us").output
    assert given.fresh(invoice).amount_due == 3_050


def test_an_invoice_cancelled_during_the_import_is_left_unchanged(take_in, monkeypatch):
    """Given a file with another amount, when the invoice is cancelled just after the import has
    read it, then the invoice stays as it was, and the import says so.
    """
    take_in(QUICKBOOKS, "--dates", "us")
    invoices_with_money, looks = import_invoices.invoices_with_money, []

    def meanwhile(ids):
        looks.append(ids)
        found = invoices_with_money(ids)
        if len(looks) == 2:  # once to check the file, once to write
            closed = Invoice.update(mark="cancelled", status="cancelled", outstanding=0)
            closed.where(Invoice.number == "1002").execute()
        return found

    monkeypatch.setattr(import_invoices, "invoices_with_money", meanwhile)
    assert take_in(QUICKBOOKS.replace("30.50", "20.50"), "--dates", "us").exit_code == 0
    row = Invoice.get(Invoice.number == "1002")
    assert (row.status, row.amount_due) == ("cancelled", 3_050)
    imports = AuditEntry.select().where(AuditEntry.action == "invoices.imported")
    told = imports.order_by(AuditEntry.id.desc()).first().detail
    assert (told["updated"], told["kept"]) == (0, 1)


def test_an_interrupted_import_says_what_is_imported_and_is_audited(take_in, monkeypatch):
    """Given an operator who presses Ctrl-C in the middle of an import, then what is imported stays,
    is named and audited, and the same command imports the rest.
    """
    monkeypatch.setattr(import_run, "BATCH", 1)
    batches, import_rows = [], import_run.import_rows

    def pressed_at_third(*given):
        batches.append(given)
        if len(batches) == 3:
            raise KeyboardInterrupt
        return import_rows(*given)

    monkeypatch.setattr(import_run, "import_rows", pressed_at_third)
    answer = take_in(QUICKBOOKS, "--dates", "us")
    assert answer.exit_code == 1
    assert "Interrupted: 2 created" in answer.output
    assert [row[0] for row in invoices()] == ["1001", "1002"]
    entries = AuditEntry.select().where(AuditEntry.action == "invoices.imported")
    ((told),) = [entry.detail for entry in entries]
    assert (told["created"], told["interrupted"]) == (2, True)
    assert take_in(QUICKBOOKS, "--dates", "us").exit_code == 0
    assert [row[0] for row in invoices()] == ["1001", "1002", "1004"]


def test_one_bad_row_stops_the_import_unless_skipped(take_in):
    bad = QUICKBOOKS.replace(
        "02/28/2099,Net 30,80.00,30.50", "31/31/2099,Net 30,80.00,thirty"
    ).replace("202-555-0144", "12")
    answer = take_in(bad, "--dates", "us")
    assert answer.exit_code == 1
    for told in (
        "line 3, Due Date",
        "line 3, Open Balance",
        "line 3, Phone",
        "Nothing was written.",
    ):
        assert told in answer.output
    assert invoices() == []
    answer = take_in(bad, "--dates", "us", "--skip-bad")
    assert (answer.exit_code, [row[0] for row in invoices()]) == (1, ["1001", "1004"])


def test_a_dry_run_writes_nothing(take_in):
    answer = take_in(QUICKBOOKS, "--dates", "us", "--dry-run")
    assert answer.exit_code == 0
    assert "Nothing was written." in answer.output
    assert (invoices(), Customer.select().count(), AuditEntry.select().count()) == ([], 0, 0)


def test_ambiguous_dates_and_amounts_are_refused(take_in):
    """Given a date or amount that can be read two ways, then it is refused, with both readings and
    the options that decide.
    """
    answer = take_in("number;customer;dueDate;amount;currency\n1;Ada;02/03/2099;1.00;EUR\n")
    for told in ("3 February 2099 with --dates us", "2 March 2099 with --dates eu"):
        assert told in answer.output
    answer = take_in("number;customer;dueDate;amount;currency\n1;Ada;2099-01-31;1.234;EUR\n")
    for told in ("1.234 EUR with --thousands none", "1,234.00 EUR with --thousands point"):
        assert told in answer.output
    assert invoices() == []
    take_in(
        "number;customer;dueDate;amount;currency\n1;Ada;2099-01-31;1.234,50;EUR\n",
        "--decimal",
        "comma",
    )
    assert invoices() == [("1", "Ada", 123_450, "eur", "2099-01-31", "sent")]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", ";"), ("utf-8", "|")],
)
def test_spreadsheet_encodings_and_delimiters_are_read(take_in, encoding, delimiter):
    rows = [
        ["number", "customer", "dueDate", "amount", "currency"],
        ["1", "Zoë Müller", "2099-01-31", "10", "EUR"],
    ]
    assert take_in("\r\n".join(delimiter.join(row) for row in rows).encode(encoding)).exit_code == 0
    assert invoices()[0][1] == "Zoë Müller"


def test_cells_with_line_breaks_keep_the_line_numbers_right(take_in):
    text = (
        'number,customer,dueDate,amount,currency\n1,"Ada\nPayer",2099-01-31,10,USD\n'
        "2,Bob,never,10,USD\n"
    )
    assert "line 4, dueDate" in take_in(text).output


def test_a_row_with_a_card_number_is_refused_without_repeating_the_number(take_in):
    rows = [
        "1,Ada 4242 4242 4242 4242,2099-01-31,10,USD,",
        "2,Bob,2099-01-31,10,USD,4000000000000002",
        "3,Cy,2099-01-31,10,USD,",
    ]
    text = "\n".join(["number,customer,dueDate,amount,currency,Memo", *rows])
    answer = take_in(text, "--skip-bad")
    assert "line 2, customer: contains a card number" in answer.output
    assert "line 3, Memo: contains a card number" in answer.output
    assert "4242 4242" not in answer.output
    assert "4000000000000002" not in answer.output
    assert [row[0] for row in invoices()] == ["3"]


def test_a_row_with_a_nul_character_is_a_bad_row(take_in):
    """Given a NUL character far down in a file, then its line and column are named, and nothing is
    imported; with --skip-bad, all other rows are.
    """
    rows = [f"A-{number},Ada Payer,2099-01-31,10.00,usd" for number in range(600)]
    rows.append("B-1,Bob\0Payer,2099-01-31,10.00,usd")
    text = "\n".join(["number,customer,dueDate,amount,currency", *rows])
    answer = take_in(text)
    assert (answer.exit_code, Invoice.select().count()) == (1, 0), answer.output
    assert "line 602, customer: contains a NUL character" in answer.output
    take_in(text, "--skip-bad")
    assert Invoice.select().count() == 600


def test_one_number_for_two_invoices_is_an_error(take_in):
    text = (
        "number,customer,dueDate,amount,currency\n"
        "7,Ada,2099-01-31,10,USD\n7,Bob,2099-01-31,99,USD\n"
    )
    assert "invoice 7 is on line 2" in take_in(text).output


def test_a_known_invoice_in_another_currency_is_an_error(take_in, account):
    given.an_invoice(account, 1_000, "usd", number="7")
    text = "number,customer,dueDate,amount,currency\n7,Ada,2099-01-31,10,EUR\n"
    assert "known in USD" in take_in(text).output


def test_a_known_number_under_another_customer_is_an_error(take_in, account):
    """Given a second program that also numbers its invoices from 1, then one customer's invoice is
    not turned into another's. A different spelling of the name alone is not a different customer.
    """
    ada = given.a_customer(account, name="Ada Payer", phone="+12025550123", email="ada@example.com")
    known = given.an_invoice(account, 10_000, number="7", customer=ada)
    header = "number,customer,email,phone,dueDate,amount,currency\n"
    bobs = "7,Bob Payer,bob@example.com,202-555-0144,2099-02-28,50.00,USD\n"
    answer = take_in(header + bobs, "--skip-bad")
    assert (answer.exit_code, given.fresh(known).amount_due) == (1, 10_000)
    assert "line 2, customer: invoice 7 is another customer's here" in answer.output
    for cents, who in enumerate(
        (
            "Ada P.,ada@example.com,202-555-0144",
            "ADA PAYER,new@example.com,202-555-0144",
            "Payer Ada,,",
        ),
        start=1,
    ):
        assert take_in(f"{header}7,{who},2099-02-28,50.0{cents},USD\n").exit_code == 0
        assert given.fresh(known).amount_due == 5_000 + cents


def test_an_import_that_breaks_off_is_audited_as_far_as_it_came(take_in, account, monkeypatch):
    """Given an import whose second batch fails, as when another program locks the database, then
    the first one is here, the audit has it, and the operator is told to import the file again.
    """
    write = import_run.import_rows
    calls = []

    def fails(*given):
        calls.append(given)
        if len(calls) > 1:
            raise OperationalError("database is locked")
        return write(*given)

    monkeypatch.setattr(import_run, "BATCH", 1)
    monkeypatch.setattr(import_run, "import_rows", fails)
    text = "number,customer,dueDate,amount,currency\n" + "".join(
        f"{number},Ada,2099-01-31,10.00,USD\n" for number in range(3)
    )
    answer = take_in(text)
    assert answer.exit_code == 1
    assert "database is locked" in answer.output
    assert "This stays; import the file again for the rest." in answer.output
    monkeypatch.undo()
    assert take_in(text).exit_code == 0
    told = AuditEntry.select().where(AuditEntry.action == "invoices.imported")
    found = [
        (row.detail["created"], row.detail["unchanged"]) for row in told.order_by(AuditEntry.id)
    ]
    assert found == [(1, 0), (2, 1)]


@pytest.mark.any_database
def test_a_row_refused_only_while_writing_is_told_as_others_are(take_in, account, monkeypatch):
    """Given a file that passes the check, when meanwhile another import has brought a row's number
    in another currency, then the row is not left out without a word.
    """
    plan = import_run.plan_import
    calls = []

    def meanwhile(account, rows):
        calls.append(rows)
        if len(calls) == len(["check", "write"]):
            given.an_invoice(account, 1_000, "eur", number="8")
        return plan(account, rows)

    monkeypatch.setattr(import_run, "plan_import", meanwhile)
    header = "number,customer,dueDate,amount,currency\n"
    rows = "7,Ada,2099-01-31,10.00,USD\n8,Ada,2099-01-31,10.00,USD\n"
    answer = take_in(header + rows)
    assert answer.exit_code == 1
    assert answer.output.count("line 3, currency: invoice 8 is known in EUR") == 1
    assert [row[0] for row in invoices()] == ["7", "8"]
    answer = take_in(header + rows, "--skip-bad")  # seen by both passes, and told once
    assert answer.output.count("line 3, currency: invoice 8 is known in EUR") == 1


def test_a_number_that_lost_its_zeros_does_not_become_a_second_invoice(take_in, account):
    """Given an invoice 0007, when a spreadsheet has made its number 7, then it is not imported a
    second time, nor the other way round. Another customer's 7, or one due another day, is new.
    """
    header = "number,customer,dueDate,amount,currency\n"
    rows = "0007,Ada Payer,2099-01-31,10.00,USD\n8,Bob Payer,2099-01-31,10.00,USD\n"
    assert take_in(header + rows).exit_code == 0
    again = "7,Ada Payer,2099-01-31,10.00,USD\n00008,Bob Payer,2099-01-31,9.00,USD\n"
    answer = take_in(header + again)
    assert answer.exit_code == 1
    assert "line 2, number: invoice 0007 of this customer is here" in answer.output
    assert "line 3, number: invoice 8 of this customer is here" in answer.output
    others = "007,Cy Other,2099-01-31,10.00,USD\n7,Ada Payer,2099-02-28,10.00,USD\n"
    assert take_in(header + others).exit_code == 0
    assert take_in(header + rows + others).exit_code == 0
    assert [row[0] for row in invoices()] == ["0007", "007", "7", "8"]


def test_known_customers_are_matched_and_namesakes_kept_apart(take_in, account):
    known = given.a_customer(account, name="Ada Payer", email=None, phone="+12025550123")
    text = (
        "number,customer,email,phone,dueDate,amount,currency\n1,Ada"
        " Payer,ada@example.com,202-555-0123,2099-01-31,10,USD\n2,Ada"
        " Payer,,,2099-01-31,10,USD\n3,Ada"
        " Payer,other@example.com,202-555-0999,2099-01-31,10,USD\n4,New"
        " One,,,2099-01-31,10,USD\n5,New One,new@example.com,,2099-01-31,10,USD\n"
    )
    assert take_in(text).exit_code == 0
    of = {row.number: row.customer_id for row in Invoice.select()}
    assert of["1"] == of["2"] == known.id != of["3"]
    assert of["4"] == of["5"]
    assert Customer.get_by_id(known.id).email == "ada@example.com"  # which was missing
    assert Customer.get_by_id(of["5"]).email == "new@example.com"


def test_a_row_goes_to_the_namesake_whose_contact_details_it_has_or_to_none(take_in, account):
    """Given several customers of one name, then a row is billed to the one whose phone it has, also
    if another has none; and a row that could be of any of them to nobody who can be contacted.
    """
    unknown = given.a_customer(account, name="Ada Payer", email=None, phone=None)
    known = given.a_customer(account, name="Ada Payer", email=None, phone="+12025550123")
    text = (
        "number,customer,phone,dueDate,amount,currency\n"
        "1,Ada Payer,202-555-0123,2099-01-31,10,USD\n"
        "2,Bob Payer,202-555-0144,2099-01-31,10,USD\n"
        "3,Bob Payer,202-555-0145,2099-01-31,10,USD\n"
        "4,Bob Payer,,2099-01-31,10,USD\n"
    )
    assert take_in(text).exit_code == 0
    later = "5,Bob Payer,,2099-01-31,10,USD\n6,Bob Payer,202-555-0146,2099-01-31,10,USD\n"
    assert take_in(text + later).exit_code == 0
    assert Customer.get_by_id(unknown.id).phone is None
    assert Invoice.get(number="1").customer_id == known.id
    phones = [row.customer.phone for row in Invoice.select().order_by(Invoice.number)]
    assert phones[1:] == ["+12025550144", "+12025550145", None, None, "+12025550146"]
    assert Invoice.get(number="4").customer_id == Invoice.get(number="5").customer_id


def test_another_spelling_of_a_name_with_the_same_phone_is_the_same_customer(take_in, account):
    """Given a known person, whose holds and consents are theirs, when a file spells the name in
    another way or brings an external id, with the same phone, then there is no second customer.
    """
    ada = given.a_customer(account, name="Ada Payer", email=None, phone="+12025550123")
    text = "number,customer,phone,email,externalId,dueDate,amount,currency\n" + "".join(
        f"{number},{who},2099-01-31,10,USD\n"
        for number, who in enumerate(
            (
                '"Payer, Ada B.",202-555-0123,,',
                "ADA PAYER,202-555-0123,ada@example.com,",
                "Ada Payer,202-555-0123,,A-7",
                "Bob Payer,202-555-0123,,",
                "ada payer,202-555-0123,other@example.com,",
                "ada payer,202-555-0199,,",
                "Cy Other,202-555-0177,,",
                '"Other, Cy",202-555-0177,,',
                "Di,202-555-0178,,",
                "Di Else,202-555-0178,,",
            )
        )
    )
    assert take_in(text).exit_code == 0
    rows = Invoice.select(Invoice, Customer).join(Customer).order_by(Invoice.number)
    assert [row.customer_id == ada.id for row in rows] == [True] * 3 + [False] * 7
    names = [row.customer.name for row in rows][3:]
    assert names[:5] == ["Bob Payer", "ada payer", "ada payer", "Cy Other", "Cy Other"]
    assert names[5:] == ["Di", "Di Else"]  # one word in common is a household's, or by chance
    assert Customer.select().count() == 7


def test_an_external_id_that_strangers_share_does_not_make_them_one(take_in, account):
    """Given an id that a spreadsheet has rounded, so that people have it in common whose names and
    phones differ, then nobody gets another's bill. A new name with the same phone is one person.
    """
    text = "number,customer,phone,externalId,dueDate,amount,currency\n" + "".join(
        f"{number},{who},{phone},3000000000053210000,2099-01-31,10,USD\n"
        for number, who, phone in (
            (1, "Ada Payer", "202-555-0123"),
            (2, "Bob Other", "202-555-0144"),
            (3, "Ada King", "202-555-0123"),
            (4, "Bob Other", "202-555-0144"),
        )
    )
    assert take_in(text).exit_code == 0
    assert take_in(f"{text}5,Bob Other,202-555-0144,3000000000053210000,2099-01-31,10,USD\n")
    names = [row.customer.name for row in Invoice.select().order_by(Invoice.number)]
    assert names == ["Ada Payer", "Bob Other", "Ada Payer", "Bob Other", "Bob Other"]
    assert Customer.select().count() == 2


def test_a_phone_number_saved_during_the_import_is_kept(account, take_in, monkeypatch):
    """Given a customer without a phone number, when the clinic saves one just after the import has
    read the customer, then the file's number does not replace it, but its e-mail address is kept.
    """
    known = given.a_customer(account, name="Ada Payer", phone=None)
    read, right = import_invoices._is_same, "+12025550199"

    def meanwhile(customer, row):
        Customer.update(phone=right).where(Customer.id == customer.id).execute()
        return read(customer, row)

    monkeypatch.setattr(import_invoices, "_is_same", meanwhile)
    text = (
        "number,customer,email,phone,dueDate,amount,currency\n"
        "1,Ada Payer,ada@example.com,202-555-0123,2099-01-31,10,USD\n"
    )
    assert take_in(text).exit_code == 0
    known = Customer.get_by_id(known.id)
    assert (known.phone, known.email) == (right, "ada@example.com")
    assert Invoice.get().customer_id == known.id


def test_consents_are_imported_with_their_source_and_time(take_in):
    text = (
        "number,customer,phone,dueDate,amount,currency,smsConsent,consentSource,consentAt,"
        "consentText\n1,Ada,202-555-0123,2099-01-31,10,USD,yes,intake"
        " form,2026-01-31T09:30:00Z,I agree to texts about my"
        " bill\n2,Bob,202-555-0124,2099-01-31,10,USD,no,,,\n"
    )
    for _ in range(2):
        assert take_in(text).exit_code == 0
    (consent,) = Consent.select()
    assert (consent.phone, consent.channels, consent.source) == (
        "+12025550123",
        ["sms"],
        "intake form",
    )
    assert consent.given_at.isoformat() == "2026-01-31T09:30:00+00:00"
    assert (
        "consentSource and consentAt"
        in take_in(text.replace("intake form", "").replace("1,Ada", "9,Ada")).output
    )


HEAD = (
    "number,customer,phone,dueDate,amount,currency,status,smsConsent,consentSource,consentAt,"
    "smsOptOut,voiceOptOut,optOutAt\n"
)
ADA, BOB, CY = "+12025550123", "+12025550124", "+12025550125"


def contact(account, phone):
    """Whether texts and whether calls to a number are stopped."""
    return tuple(OptOut.holds(account.id, (), phone, channel) for channel in ("sms", "voice"))


def test_opt_outs_are_imported_even_from_rows_without_a_debt(take_in, account):
    text = (
        HEAD.replace("number", "Invoice No")
        + f"1,Ada,{ADA},2099-01-31,10,USD,,,,,yes,,\n2,Ada,{ADA},2099-01-31,20,USD,,,,,yes,no,\n"
        f"3,Bob,{BOB},,0,USD,,,,,x,yes,2026-03-01\n4,Cy,{CY},,,,paid,,,,,yes,\n"
        "5,Di,+12025550126,2099-01-31,10,USD,,,,,no,,\n"
    )
    answer = take_in(text, "--dry-run", "--mapping", "quickbooks")
    assert "opted out" in answer.output
    assert OptOut.select().count() == 0
    for _ in range(2):
        assert take_in(text, "--mapping", "quickbooks").exit_code == 0
    assert [contact(account, phone) for phone in (ADA, BOB, CY, "+12025550126")] == [
        (True, False),
        (True, True),
        (False, True),
        (False, False),
    ]
    assert OptOut.select().count() == 3
    assert OptOut.get(OptOut.phone == BOB).at.isoformat() == "2026-03-01T00:00:00+00:00"
    assert {row.source for row in OptOut.select()} == {"import"}
    told = (
        AuditEntry.select().where(AuditEntry.action == "invoices.imported").order_by(AuditEntry.id)
    )
    assert [row.detail["opted out"] for row in told] == [3, 0]


@pytest.mark.parametrize(
    "cells",
    [
        f"1,Ada,{ADA},soon,10,USD,,,,,yes,yes,",
        f"1,Ada,{ADA},2099-01-31,ten,USD,,,,,yes,yes,",
        f"1,Ada,{ADA},2099-01-31,10,USD,odd,,,,yes,yes,",
        f"1,Ada,{ADA},2099-01-31,10,USD,,yes,form,,yes,yes,",
        f"1,Ada,{ADA},2099-01-31,10,USD,,,,,yes,yes,soon",
        f"1,4242 4242 4242 4242,{ADA},2099-01-31,10,USD,,,,,yes,yes,",
        f"1,Ada,{ADA},2099-01-31,10,USD,,,,,yes,yes,,more",
        f"0,Bob,{BOB},2099-01-31,10,USD,,,,,,,\n0,Ada,{ADA},2099-02-28,20,USD,,,,,yes,yes,",
    ],
    ids=["date", "amount", "status", "consent", "time", "card", "too many cells", "known number"],
)
def test_an_opt_out_in_a_skipped_bad_row_counts(take_in, account, cells):
    """Given a bad row that is skipped, then its opt-outs still count; if nothing is imported, nor
    are they.
    """
    assert take_in(HEAD + cells + "\n").exit_code == 1
    assert contact(account, ADA) == (False, False)
    answer = take_in(HEAD + cells + "\n", "--skip-bad")
    assert "refused" in answer.output
    assert contact(account, ADA) == (True, True)


def test_opt_outs_count_from_each_line_of_an_invoice_that_is_added_up(take_in, account):
    """Given FreshBooks' row for each line of an invoice, when the opt-out is not on the first, or
    its row is refused because it differs from the first, then it still counts.
    """
    text = (
        "Client Name,Invoice #,Date Issued,Date Due,Invoice Status,Line Subtotal,Line Total,"
        "Date Paid,Currency,Phone,smsOptOut\n"
        f"Ada,7,2025-01-05,2099-02-04,sent,10,10.00,,USD,{ADA},\n"
        f"Ada,7,2025-01-05,2099-02-04,sent,10,10.00,,USD,{ADA},yes\n"
        f"Bob,8,2025-01-05,2099-02-04,sent,10,10.00,,USD,{BOB},\n"
        f"Bob,8,2025-01-05,2099-03-04,sent,10,10.00,,USD,{BOB},yes\n"
        f"Cy,8,2025-01-05,2099-03-04,sent,10,10.00,,USD,{CY},yes\n"
    )
    answer = take_in(text, "--skip-bad")
    assert [row[:1] for row in invoices()] == [("7",)], answer.output
    assert [contact(account, phone)[0] for phone in (ADA, BOB, CY)] == [True, True, True]


def test_an_external_id_is_filled_in_for_the_one_with_the_same_name_and_email(take_in, account):
    """Given a known person without a phone, when a file brings their external id, then there is no
    second customer; name alone is not enough, nor an e-mail address of somebody with another id.
    """
    ada = given.a_customer(account, name="Ada Payer", email="ada@example.com", phone=None)
    text = (
        "number,customer,email,externalId,dueDate,amount,currency\n"
        "1,Ada Payer,,A-6,2099-01-31,10,USD\n"
        "2,Ada Payer,ada@example.com,A-7,2099-01-31,10,USD\n"
        "3,Ada Payer,ada@example.com,A-8,2099-01-31,10,USD\n"
    )
    assert take_in(text).exit_code == 0
    assert [row.customer_id == ada.id for row in Invoice.select().order_by(Invoice.number)] == [
        False,
        True,
        False,
    ]
    assert Customer.get_by_id(ada.id).external_id == "A-7"


@pytest.mark.parametrize("none", ["0", "N/A", "none", "-"])
def test_an_external_id_that_says_none_identifies_nobody(take_in, account, none):
    """Given a program that writes 0 or N/A for no external id, then the bill of somebody whose
    phone it does not have is not billed to the next person, nor they contacted about it.
    """
    text = (
        "number,customer,phone,externalId,dueDate,amount,currency\n"
        f"1,Ada Payer,,{none},2099-01-31,10,USD\n"
        f"2,Bob Other,202-555-0144,{none},2099-01-31,10,USD\n"
    )
    assert take_in(text).exit_code == 0
    rows = Customer.select().order_by(Customer.name)
    assert [(row.name, row.phone, row.external_id) for row in rows] == [
        ("Ada Payer", None, None),
        ("Bob Other", "+12025550144", None),
    ]


def test_an_opt_out_counts_for_the_number_on_file_too(take_in, account):
    """Given people whose numbers have changed here since, when the clinic's file, which has their
    old ones, says that they opted out, or have not agreed, then that is so at the new ones too. The
    same invoice number of a stranger says nothing about them.
    """
    consented = "yes,form,2026-01-01"
    text = (
        f"{HEAD}1,Ada Payer,{ADA},2099-01-31,10,USD,,,,,,,\n"
        f"2,Bob Payer,{BOB},2099-01-31,10,USD,,{consented},,,\n"
        f"3,Cy Other,{CY},2099-01-31,10,USD,,{consented},,,\n"
    )
    assert take_in(text).exit_code == 0
    later = (
        f'{HEAD}1,"Payer, Ada",+12025550133,,,,paid,,,,yes,,\n'
        "2,Bob Payer,+12025550134,2099-01-31,10,USD,,no,,,,,\n"
        "3,Di Else,+12025550135,2099-01-31,10,USD,,no,,,yes,yes,\n"
    )
    for _ in range(2):
        take_in(later, "--skip-bad")
    numbers = (ADA, "+12025550133", BOB, CY, "+12025550135")
    stopped = (True, False)
    assert [contact(account, phone) for phone in numbers] == [
        stopped,
        stopped,
        (False, False),
        (False, False),
        (True, True),
    ]
    assert OptOut.select().count() == 3
    assert [row.phone for row in Consent.select().where(Consent.revoked_at.is_null())] == [CY]


def test_an_opt_out_counts_for_the_number_of_the_customer_with_the_external_id(take_in, account):
    """Given a known customer's new invoice with their old number, then the opt-out in its row
    counts for the number here.
    """
    given.a_customer(account, name="Ada Payer", phone=ADA, external_id="A-7")
    head = HEAD.replace("number", "externalId,number", 1)
    assert take_in(f"{head}A-7,1,Ada Payer,{BOB},2099-01-31,10,USD,,,,,yes,,\n").exit_code == 0
    assert Invoice.get().customer.phone == ADA
    assert [contact(account, phone) for phone in (ADA, BOB)] == [(True, False)] * 2


@pytest.mark.parametrize("phone", ["", "202-555-0133 ext. 7", "555-0133"])
def test_an_opt_out_beside_an_unusable_number_counts_for_the_number_on_file(
    take_in, account, phone
):
    """Given an opt-out in a row whose number cannot be read, then the row is refused, but the
    person, whose number we have, is not contacted any more.
    """
    assert take_in(f"{HEAD}1,Ada Payer,{ADA},2099-01-31,10,USD,,,,,,,\n").exit_code == 0
    answer = take_in(f"{HEAD}1,Ada Payer,{phone},2099-01-31,10,USD,,,,,yes,,\n", "--skip-bad")
    assert answer.exit_code == 1
    assert contact(account, ADA) == (True, False)


def test_a_consent_in_the_future_is_refused(take_in):
    row = f"1,Ada,{ADA},2099-01-31,10,USD,,yes,form,2098-01-31,,,\n"
    answer = take_in(HEAD + row)
    assert answer.exit_code == 1
    assert "line 2, consentAt: is in the future" in answer.output
    assert (invoices(), Consent.select().count()) == ([], 0)


def test_an_opt_out_outranks_a_consent_unless_a_later_start_ended_it(take_in, account):
    OptOut.record(account.id, BOB, "start", ["sms"], source="desk", recorded_by="test")
    text = (
        HEAD
        + f"1,Ada,{ADA},2099-01-31,10,USD,,yes,form,2026-01-31,yes,,\n"
        + f"2,Bob,{BOB},2099-01-31,10,USD,,,,,yes,,2026-02-01\n"
    )
    for _ in range(2):
        assert take_in(text).exit_code == 0
    assert (contact(account, ADA), contact(account, BOB)) == ((True, False), (False, False))
    assert (Consent.select().count(), OptOut.select().count()) == (1, 3)


def test_an_opt_out_in_a_file_outlasts_the_sender_that_was_told_it_too(take_in, account):
    """Given a STOP to the clinic's number from before it had the number, when a file says that the
    customer opted out, and then the clinic gets another number, then they stay opted out.
    """
    number, both = "+12025550701", ["sms", "voice"]
    OptOut.record(None, ADA, "stop", both, sender=number, source="inbound_sms", recorded_by="test")
    AccountSender.assign(account, None, number, real_now())
    text = HEAD + f"1,Ada,{ADA},2099-01-31,10,USD,,,,,yes,yes,\n"
    for _ in range(2):
        assert take_in(text).exit_code == 0
    AccountSender.assign(account, None, "+12025550702", real_now())
    assert contact(account, ADA) == (True, True)
    assert OptOut.select().count() == 2


def test_an_explicit_no_revokes_only_the_imported_consent(take_in, account):
    """Given a "no" in a later file, then only the imported consent is revoked: not one given to the
    clinic itself, and not another customer's whose cell is empty. An old file does not bring it
    back.
    """
    yes = (
        HEAD
        + f"1,Ada,{ADA},2099-01-31,10,USD,,yes,form,2026-01-31,,,\n"
        + f"2,Bob,{BOB},2099-01-31,10,USD,,yes,form,2026-01-31,,,\n"
    )
    assert take_in(yes).exit_code == 0
    ada = Customer.get(Customer.phone == ADA)
    no = HEAD + f"1,Ada,{ADA},2099-01-31,10,USD,,no,,,,,\n2,Bob,{BOB},2099-01-31,10,USD,,,,,,,\n"
    assert "consent taken back" in take_in(no, "--dry-run").output
    assert Consent.holds(ada.id, ADA, "sms", real_now())
    for text in (no, no, yes):
        assert take_in(text).exit_code == 0
    assert not Consent.holds(ada.id, ADA, "sms", real_now())
    assert Consent.holds(Customer.get(Customer.phone == BOB).id, BOB, "sms", real_now())
    assert Consent.get(Consent.customer == ada).revoked_why == "a later import says no"
    Consent.record(
        ada,
        ADA,
        ["sms"],
        real_now(),
        real_now(),
        source="desk",
        text="yes",
        text_version="3",
        recorded_by="test",
    )
    take_in(no)
    assert Consent.holds(ada.id, ADA, "sms", real_now())
    assert take_in(yes.replace("2026-01-31,,,", "2026-09-30,,,")).exit_code == 0
    assert (
        Consent.select().where(Consent.customer == ada, Consent.revoked_at.is_null()).count() == 2
    )


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (f"{ADA},2099-01-31,10,USD,,,,,maybe,,", "smsOptOut: 'maybe' is neither yes nor no"),
        (f"{ADA},,,,paid,,,,,perhaps,", "voiceOptOut: 'perhaps' is neither yes nor no"),
        (f"{ADA},2099-01-31,10,USD,,,,,yes,,soon", "optOutAt: 'soon' is not a time"),
        (",2099-01-31,10,USD,,,,,yes,,", "phone: is missing, but the row has an opt-out"),
    ],
)
def test_an_unreadable_opt_out_is_an_error(take_in, cells, told):
    answer = take_in(f"{HEAD}1,Ada,{cells}\n")
    assert (answer.exit_code, told in answer.output) == (1, True), answer.output


def test_ignored_columns_are_listed(take_in, account):
    assert (
        "Ignored columns: Invoice Date, Terms, Amount."
        in take_in(QUICKBOOKS, "--dates", "us", "--dry-run").output
    )
    text = (
        "number,customer,phone,dueDate,amount,currency,Opted Out,Favourite"
        f" colour\n1,Ada,{ADA},2099-01-31,10,USD,yes,blue\n"
    )
    assert "Ignored columns: Favourite colour." in take_in(text).output
    assert contact(account, ADA) == (True, True)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "text", ["", "a,b,c\n1,2,3\n", 'number,customer,dueDate,amount\n1,"never closed']
)
def test_a_file_that_is_not_an_export_is_refused_without_a_traceback(take_in, text):
    answer = take_in(text)
    assert answer.exit_code == 1
    assert "export.csv" in answer.output
    assert "Traceback" not in answer.output

"""Exports of other programs are read without editing (F63): reports with titles and totals, files
with a row per line, other columns and other words. Columns are those of public samples; the people
are made up.
"""

import os

import pytest

from models.contact.opt_out import OptOut
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from tests import given
from tests.stories.importing import Books
from tests.stories.operators import run


@pytest.fixture
def books(database_url, tmp_path):
    return Books(tmp_path)


DOLLARS = "--currency", "usd"
# QuickBooks Online → Reports → Open Invoices, "Export to CSV"
OPEN_INVOICES = """"Bright Smiles, LLC",,,,,,
Open Invoices,,,,,,
"As of Nov 28, 2098",,,,,,

,Date,Transaction type,Num,Term,Due date,Open balance
Ada Payer,,,,,,
,10/01/2098,Invoice,5004,Net 30,10/31/2098,"1,000.00"
,10/02/2098,Payment,5005,,10/02/2098,-100.00
   Her practice,,,,,,
,10/01/2098,Invoice,5006,Net 30,10/31/2098,25.00
Total for Her practice,,,,,,$25.00
Total for Ada Payer with sub-customers,,,,,,$925.00
Grace Hopper,,,,,,
,10/03/2098,Invoice,5007,Net 30,11/30/2098,$80.00
,10/03/2098,Credit Memo,5008,,11/30/2098,(30.00)
Total for Grace Hopper,,,,,,$50.00
TOTAL,,,,,,$975.00


" Friday, November 28, 2098 01:49 PM GMT-05:00",,,,,,
"""
AGING = """Bright Smiles,,,,,,,
A/R Aging Detail Report,,,,,,,
,,,,,,,
,Date,Transaction type,Num,Customer full name,Due date,Amount,Open balance
91 or more days past due,,,,,,,
,11/11/2098,Invoice,SI-1,Ada Payer,12/31/2098,"1,000.00",800.00
,01/23/2098,Credit Memo,SC-1,Grace Hopper,01/23/2098,-100.00,-100.00
Total for 91 or more days past due,,,,,,,700.00
CURRENT,,,,,,,
,08/01/2098,Invoice,SI-2,Alan Turing,12/31/2098,500.00,500.00
Total for CURRENT,,,,,,,500.00
TOTAL,,,,,,,"$1,200.00"
Accrual Basis Friday, November 28, 2098 04:19 PM GMT-06:00
"""


def test_quickbooks_online_customers_are_read_from_rows_above_their_invoices(books):
    answer = books.take_in(OPEN_INVOICES, "--currency", "usd")
    assert answer.exit_code == 0, answer.output
    assert books.invoices == [
        ("5004", "Ada Payer", 100_000, "2098-10-31", "sent"),
        ("5006", "Ada Payer:Her practice", 2_500, "2098-10-31", "sent"),
        ("5007", "Grace Hopper", 8_000, "2098-11-30", "sent"),
    ]
    assert "quickbooks columns in line 5" in answer.output
    assert "Not imported, Payment: line 8 5005 of Ada Payer -100.00." in answer.output
    assert "Not imported, Credit Memo: line 15 5008 of Grace Hopper (30.00)." in answer.output


def test_a_credits_date_decides_the_date_format(books):
    """Given a report whose other dates are ambiguous, then the credit of January 23 decides."""
    report = AGING.replace("12/31/2098", "12/11/2098")
    answer = books.take_in(report, "--currency", "usd")
    assert answer.exit_code == 0, answer.output
    assert "dates us" in answer.output
    assert [row[3] for row in books.invoices] == ["2098-12-11"] * 2


def test_aging_buckets_are_not_read_as_customers(books):
    answer = books.take_in(AGING, "--currency", "usd")
    assert answer.exit_code == 0, answer.output
    assert [row[:3] for row in books.invoices] == [
        ("SI-1", "Ada Payer", 80_000),
        ("SI-2", "Alan Turing", 50_000),
    ]
    assert "Not imported, Credit Memo: line 7 SC-1 of Grace Hopper -100.00." in answer.output


def test_quickbooks_desktop_is_read_with_its_jobs_of_customers(books):
    """Reports → Customers & Receivables → Open Invoices → Excel → CSV."""
    answer = books.take_in(
        ',"Type","Date","Num","P. O. #","Terms","Due Date","Aging","Open Balance"\n'
        '"Payer, Ada",,,,,,,,\n'
        ',"Invoice","12/15/2098","1078",,"Net 30","01/31/2099",,"12,420.98"\n'
        ',"Stmt Charge","12/16/2098",,,,"12/26/2098",,"15.00"\n'
        '"Total Payer, Ada",,,,,,,,"12,435.98"\n'
        '"Hopper",,,,,,,,\n'
        '"Implant",,,,,,,,\n'
        ',"Invoice","12/15/2098","1079",,"Net 30","01/31/2099","5","100.00"\n'
        '"Total Implant",,,,,,,,"100.00"\n"Total Hopper",,,,,,,,"100.00"\n'
        '"TOTAL",,,,,,,,"12,535.98"\n',
        "--currency",
        "usd",
    )
    assert answer.exit_code == 0, answer.output
    assert [row[:3] for row in books.invoices] == [
        ("1078", "Payer, Ada", 1_242_098),
        ("1079", "Hopper:Implant", 10_000),
    ]
    assert "quickbooks-desktop columns" in answer.output
    assert "Not an invoice, Stmt Charge: line 4 Payer, Ada." in answer.output


def test_a_customer_group_without_totals_ends_where_the_next_begins(books):
    report = "\n".join(line for line in OPEN_INVOICES.splitlines() if "Total for" not in line)
    assert books.take_in(report, "--currency", "usd").exit_code == 0
    assert [row[1] for row in books.invoices] == ["Ada Payer", "Her practice", "Grace Hopper"]


def test_a_broken_row_is_never_skipped_as_a_total_or_footer(books):
    """Given a row with a number, a customer or a due date, then it is reported as an error: it may
    be a debt.
    """
    told = books.refused(
        "Invoice No,Customer,Due Date,Open Balance\n1,Ada,2099-01-31,10.00\nTotal Care,,,\n"
        "Total-2,Bob,,10.00\n3,,,\nTotal,,,20.00\n",
        "--currency",
        "usd",
    )
    assert "line 4, Due Date: is empty" in told
    assert "line 5, Customer: is empty" in told
    assert "line 6" not in told


XERO = (
    "ContactName,EmailAddress,InvoiceNumber,DueDate,Total,InvoiceAmountDue,LineAmount,Currency,"
    "Type,Status\n"
)


def xero(*rows: str) -> str:
    return XERO + "".join(f"Ada,a@example.com,{row}\n" for row in rows)


def test_xeros_drafts_and_credit_notes_are_recognized(books):
    """Given an invoice not approved yet, then it is a draft, for which no customer is contacted."""
    words = (
        "Awaiting Approval",
        "Submitted",
        "Draft",
        "Awaiting Payment",
        "Authorised",
        "AUTHORISED",
    )
    rows = [
        f"X-{index},15 Jul 2098,100.00,100.00,100.00,USD,Sales invoice,{word}"
        for index, word in enumerate(words, start=1)
    ]
    credit = "C-1,15 Jul 2098,100.00,100.00,100.00,USD,Sales credit note,Awaiting Payment"
    void = "V-1,15 Jul 2098,100.00,100.00,100.00,USD,ACCREC,Voided"
    answer = books.take_in(xero(*rows, credit, void))
    assert answer.exit_code == 0, answer.output
    assert [(row[0], row[4]) for row in books.invoices] == [
        *((f"X-{index}", "draft") for index in (1, 2, 3)),
        *((f"X-{index}", "sent") for index in (4, 5, 6)),
    ]
    assert "Not imported, Sales credit note: line 8 C-1 of Ada 100.00." in answer.output


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("X-1,15 Jul 2098,9.00,9.00,9.00,USD,Sales invoice,Reversed", "Status: 'Reversed' is not"),
        ("X-1,15 Jul 2098,9.00,9.00,9.00,USD,Mystery,Draft", "Type: 'Mystery' is not a known type"),
    ],
)
def test_an_unknown_status_or_type_is_refused_with_the_known_ones(books, row, told):
    output = books.refused(xero(row))
    assert told in output
    assert ("awaiting payment" in output) or ("sales invoice" in output)


def test_statuses_with_day_counts_or_several_words_are_read(books):
    """Given statuses as QuickBooks Online and Zoho show them, then they are read."""
    words = ("Overdue 12 days", "Overdue by 3 days", "Due in 5 days", "Due today", "PartiallyPaid")
    words += ('"Overdue 12 days, partially paid"', "past_due", "")
    rows = [f"{index},Ada,2099-01-31,10.00,USD,{word}" for index, word in enumerate(words)]
    head = "Invoice No,Customer,Due Date,Balance,Currency,Status\n"
    odd = books.refused(head + '9,Ada,2099-01-31,9,USD,"Open, voided"')
    assert "'Open, voided' is not a known status" in odd
    assert books.take_in(head + "\n".join(rows)).exit_code == 0
    assert len(books.invoices) == len(words)


def test_a_column_can_be_ignored_with_an_empty_mapping(books):
    """Given a spreadsheet whose "Type" names the treatment, then an empty --mapping ignores the
    column.
    """
    text = "Invoice No,Customer,Due Date,Balance,Currency,Type\n1,Ada,2099-01-31,10.00,USD,Crown\n"
    assert "--mapping type=" in books.refused(text)
    assert books.take_in(text, "--mapping", "type=").exit_code == 0
    assert [row[0] for row in books.invoices] == ["1"]


def test_an_opt_out_counts_from_any_line_of_an_invoice(books):
    line = "Ada,a@example.com,X-1,15 Jul 2098,9.00,9.00,9.00,USD,Sales invoice,Draft,202-555-0123,"
    text = XERO.replace("Status", "Status,Phone,smsOptOut") + f"{line}no\n{line}yes\n{line}yes\n"
    answer = books.take_in(text)
    assert answer.exit_code == 0, answer.output
    assert [row[0] for row in books.invoices] == ["X-1"]
    assert OptOut.holds(books.account.id, (), "+12025550123", "sms")


FRESHBOOKS = (
    "Client Name,Invoice #,Date Issued,Date Due,Invoice Status,Date Paid,Item Name,Rate,Quantity,"
    "Line Subtotal,Line Total,Currency\n"
)


def freshbooks(*rows: str) -> str:
    return FRESHBOOKS + "".join(f"{row},USD\n" for row in rows)


def test_freshbooks_lines_are_added_up_per_invoice(books):
    answer = books.take_in(
        freshbooks(
            "Ada,0001,2098-01-15,2099-02-15,overdue,,Crown,150.00,4,600.00,600.00",
            "Ada,0001,2098-01-15,2099-02-15,overdue,,Discount,-50.00,1,-50.00,-50.00",
            "Ada,0001,2098-01-15,2099-02-15,overdue,,Crown,150.00,4,600.00,600.00",
            "Bob,0002,2098-01-15,2099-02-15,paid,2098-02-01,Crown,80.00,1,80.00,80.00",
            "Cy,0003,2098-01-15,2099-02-15,draft,,Crown,80.00,1,80.00,80.00",
        )
    )
    assert answer.exit_code == 0, answer.output
    assert [(row[0], row[2], row[4]) for row in books.invoices] == [
        ("0001", 115_000, "sent"),
        ("0003", 8_000, "draft"),
    ]


@pytest.mark.any_database
def test_only_line_totals_are_added_up(books):
    """Given a spreadsheet with FreshBooks' names for client and due date, but whole amounts, then
    an invoice that is in it twice is refused, as in any other, and not doubled.
    """
    row = "7,Ada,2099-01-31,400.00\n"
    told = books.refused(f"Invoice #,Client Name,Date Due,Amount\n{row}{row}", *DOLLARS)
    assert "line 3: invoice 7 is on line 2 too" in told


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("second", "told"),
    [
        (
            "Ada,1,,2099-02-15,sent,,Polish,9,1,9,oops",
            "line 3, Line Total: 'oops' is not an amount",
        ),
        ("Bob,1,,2099-02-15,sent,,Polish,9,1,9,9.00", "line 3, Client Name: differs from line 2"),
        ("Ada,1,,2099-03-15,sent,,Polish,9,1,9,9.00", "line 3, Date Due: differs from line 2"),
        (
            "Ada,1,,2099-02-15,sent,,4242 4242 4242 4242,9,1,9,9.00",
            "line 3, Item Name: contains a card number",
        ),
    ],
)
def test_a_bad_line_leaves_out_its_whole_invoice(books, second, told):
    """Given a bad line, then its whole invoice is left out, even with --skip-bad: a part of the sum
    must never be taken for the whole.
    """
    text = freshbooks("Ada,1,,2099-02-15,sent,,Crown,9,1,9,9.00", second)
    answer = books.take_in(text, "--skip-bad")
    assert told in answer.output
    assert "4242 4242" not in answer.output
    assert books.invoices == []


def test_the_total_of_a_partly_paid_invoice_is_refused_as_its_balance(books):
    told = books.refused(freshbooks("Ada,1,,2099-02-15,partial,,Crown,9,1,9,9.00"))
    assert "is the whole amount of an invoice that is partly paid" in told
    assert "--mapping amount=COLUMN" in told


@pytest.mark.any_database
def test_a_spreadsheets_amount_is_a_total_and_only_payphones_own_is_a_balance(books):
    """Given a spreadsheet with the usual headings, then its Amount is what was billed, of which
    Amount Paid is no longer owed, and which is no balance of a partly paid invoice. Payphone's own
    `amount`, beside `dueDate`, is what is still owed.
    """
    head = "Invoice Number,Customer,Due Date,Amount"
    told = books.refused(
        f"{head},Status\n1,Ada,2099-01-31,100.00,Partially paid\n", "--currency", "usd"
    )
    assert "is the whole amount of an invoice that is partly paid" in told
    text = (
        "Invoice Number,Customer Name,Due Date,Amount,Amount Paid,External ID,Project\n"
        "1,Ada,2099-01-31,100.00,60.00,A-7,Crown\n"
    )
    assert books.take_in(text, "--currency", "usd").exit_code == 0
    assert Customer.get().external_id == "A-7"
    assert Invoice.get().project == "Crown"
    own = "number,customer,dueDate,amount,currency,status\n2,Ada,2099-01-31,40.00,USD,partial\n"
    assert books.take_in(own).exit_code == 0
    assert [row[::2] for row in books.invoices] == [("1", 4_000, "sent"), ("2", 4_000, "sent")]


@pytest.mark.any_database
def test_an_amount_beside_another_total_is_not_taken_for_what_is_owed(books):
    """Given a list with Amount, Tax and Total, then the amount without tax is not collected without
    a word: the row is refused, until a person says which column is meant.
    """
    head = "Invoice Number,Customer,Due Date,Amount,Tax,Total\n"
    told = books.refused(f"{head}1,Ada,2099-01-31,100.00,8.00,108.00\n", *DOLLARS)
    assert "line 2, Amount: '100.00' is not 108.00, which is under Total" in told
    assert "--mapping amount=" in told
    text = f"{head}1,Ada,2099-01-31,100.00,8.00,108.00\n2,Ada,2099-01-31,50.00,0,$50\n"
    assert books.take_in(text, *DOLLARS, "--mapping", "amount=Total").exit_code == 0
    same = f"{head}3,Ada,2099-01-31,70.00,,70\n4,Ada,2099-01-31,80.00,,\n"
    assert books.take_in(same, *DOLLARS).exit_code == 0
    assert [row[2] for row in books.invoices] == [10_800, 5_000, 7_000, 8_000]


@pytest.mark.any_database
def test_two_columns_of_one_name_must_agree_on_the_amount(books):
    """Given a spreadsheet with two columns called Balance, as after a merge of two lists, then a
    row in which they differ is refused, and not read from the first.
    """
    head = "Invoice Number,Customer,Due Date,Balance,balance\n"
    told = books.refused(f"{head}1,Ada,2099-01-31,100.00,40.00\n", *DOLLARS)
    assert "line 2, Balance: '100.00' is not 40.00, which is under balance" in told
    same = f"{head}1,Ada,2099-01-31,100.00,$100\n2,Ada,2099-01-31,50.00,\n"
    assert books.take_in(same, *DOLLARS).exit_code == 0
    assert [row[2] for row in books.invoices] == [10_000, 5_000]


@pytest.mark.any_database
def test_an_amount_due_of_which_something_is_paid_needs_a_word(books):
    """Given a list that has only Amount Due and Amount Paid, then the amount may be what was billed
    or what is left, and a row is refused until a person says which. With a total it is what is
    left.
    """
    head = "Invoice Number,Customer,Due Date,Amount Due,Amount Paid"
    rows = "1,Ada,2099-01-31,100.00,60.00\n2,Ada,2099-01-31,50.00,0.00\n"
    told = books.refused(f"{head}\n{rows}", *DOLLARS)
    assert "line 2, Amount Due: '100.00' is what was billed or what is still owed" in told
    assert "line 3" not in told
    for column, owed in (("total", 4_000), ("amount", 10_000)):
        choice = ("--mapping", f"{column}=Amount Due")
        assert books.take_in(f"{head}\n{rows}", *DOLLARS, *choice).exit_code == 0
        assert [row[2] for row in books.invoices] == [owed, 5_000]
    whole = f"{head},Total\n3,Ada,2099-01-31,40.00,60.00,100.00\n"
    assert books.take_in(whole, *DOLLARS).exit_code == 0
    assert books.invoices[-1][2] == 4_000


@pytest.mark.any_database
def test_what_was_paid_of_a_total_is_taken_off_or_the_row_refused(books):
    """Given a total and what was paid of it, then a payment is never added to the debt, however it
    is written, and a column called Paid that says something else is not passed over.
    """
    head = "Invoice Number,Customer,Due Date,Total,"
    for paid in ("-60.00", "(60.00)", "60.00 CR"):
        told = books.refused(f"{head}Amount Paid\n1,Ada,2099-01-31,100,{paid}\n", *DOLLARS)
        assert f"line 2, Amount Paid: '{paid}' is less than zero" in told
    told = books.refused(f"{head}Paid\n1,Ada,2099-01-31,100.00,2026-01-04\n", *DOLLARS)
    assert "line 2, Paid: '2026-01-04' is not an amount" in told
    assert "--mapping paid=" in told
    for number, name in enumerate(("Paid", "Payments", "Total Paid", "Amount Paid")):
        row = f"{number},Ada,2099-01-31,100.00,60.00"
        assert books.take_in(f"{head}{name}\n{row}\n", *DOLLARS).exit_code == 0
    assert {row[2] for row in books.invoices} == {4_000}


@pytest.mark.any_database
def test_a_column_paid_may_say_yes_or_no_or_a_dash(books):
    """Given a spreadsheet whose column Paid is a checkbox, or has the dash that Excel's accounting
    format writes for 0, then what is not paid is owed in full, and what is paid is not.
    """
    head = "Invoice Number,Customer,Due Date,Amount,Paid\n"
    nothing = ("No", "FALSE", "n", "-", " $-   ", "- €", "")
    rows = [f"{number},Ada,2099-01-31,100.00,{paid}" for number, paid in enumerate(nothing)]
    rows += [f"{paid},Ada,2099-01-31,100.00,{paid}" for paid in ("Yes", "TRUE", "x")]
    assert books.take_in(head + "\n".join(rows), *DOLLARS).exit_code == 0
    assert [row[::2][:2] for row in books.invoices] == [
        (str(number), 10_000) for number in range(len(nothing))
    ]


ZOHO = (
    "Invoice Date,Invoice ID,Invoice Number,Invoice Status,Customer ID,Customer Name,"
    "Place of Supply,Due Date,Item Name,Quantity,Item Price,Item Total,SubTotal,Total,Balance,"
    "Currency Code\n"
)


def test_zohos_balance_repeated_in_each_line_counts_once(books):
    answer = books.take_in(
        ZOHO + "2098-06-02,9001,INV-1,Sent,77,Ada,MH,2099-07-02,Bracket,2,250,500,660,819.2,"
        "819.2,INR\n2098-06-02,9001,INV-1,Sent,77,Ada,MH,2099-07-02,Bracket,2,250,500,660,819.2,"
        "819.2,INR\n2098-06-02,9002,INV-2,PartiallyPaid,77,Ada,MH,2099-07-02,Hinge,4,40,160,660,"
        "819.2,100,INR\n2098-06-02,9003,INV-3,Void,77,Ada,MH,2099-07-02,Hinge,4,40,160,660,819.2,"
        "100,INR\n"
    )
    assert answer.exit_code == 0, answer.output
    assert [(row[0], row[2]) for row in books.invoices] == [("INV-1", 81_920), ("INV-2", 10_000)]
    assert Customer.get().external_id == "77"


def test_zohos_invoice_list_is_read(books):
    text = (
        "Invoice Date,Invoice#,Customer Name,Status,Due Date,Total,Balance\n"
        '2098-08-10,INV-1,Hardware & Co,Overdue,2099-09-09,"1,285.00","1,285.00"\n'
        "2098-09-15,INV-2,Kapoor,Paid,2099-10-15,640.00,0\n"
    )
    answer = books.take_in(text, "--currency", "inr")
    assert answer.exit_code == 0, answer.output
    assert [(row[0], row[2]) for row in books.invoices] == [("INV-1", 128_500)]
    assert "zoho columns" in answer.output


def test_squares_amounts_with_a_currency_sign_need_a_matching_currency(books):
    text = (
        "Invoice Title,Invoice ID,Status,Customer Name,Customer Email,Requested Amount,Due Date\n"
        "Cleaning,000123,Unpaid,Ada,ada@example.com,$85.00,2098-12-01\n"
        "Cleaning,000124,Canceled,Ada,ada@example.com,$85.00,2098-12-01\n"
    )
    assert "has no currency; add a code such as USD, or use --currency usd" in books.refused(text)
    assert "'$85.00' is not in EUR" in books.refused(text, "--currency", "eur")
    assert books.take_in(text, "--currency", "usd").exit_code == 0
    assert [row[:3] for row in books.invoices] == [("000123", "Ada", 8_500)]


def test_a_currency_code_beside_the_amount_is_read(books):
    text = "Invoice No,Customer,Due Date,Balance\n1,Ada,2099-01-31,EUR 85.00\n"
    assert books.take_in(text).exit_code == 0
    assert Invoice.get().currency == "eur"


def test_only_the_unpaid_part_of_stripes_invoices_is_owed(books):
    """Given the dashboard's export, which has Amount Due and Amount Paid but no amount remaining,
    then the difference is owed.
    """
    answer = books.take_in(
        "id,Amount Due,Currency,Customer,Date (UTC),Due Date (UTC),Number,Total,Amount Paid,"
        "Status,Customer Email\n"
        "in_1,100.00,usd,cus_1,2098-10-01 09:00,2098-10-31 09:00,A-1,100.00,40.00,open,"
        "a@example.com\n"
        "in_2,100.00,usd,cus_2,2098-10-01 09:00,2098-10-31 09:00,A-2,100.00,100.00,paid,\n"
        "in_3,100.00,usd,cus_2,2098-10-01 09:00,,A-3,100.00,0.00,uncollectible,\n"
    )
    assert answer.exit_code == 0, answer.output
    assert books.invoices == [("A-1", "a@example.com", 6_000, "2098-10-31", "sent")]


def test_waves_columns_and_statuses_are_read(books):
    text = (
        "Customer Name,Invoice Number,Invoice Date,Due Date,Status,Currency,Total,Amount Paid,"
        "Amount Due\nAda,1,2098-01-31,2099-01-31,PARTIAL,USD,100.00,40.00,60.00\n"
        "Ada,2,2098-01-31,2099-01-31,SAVED,USD,100.00,0.00,100.00\n"
    )
    assert books.take_in(text).exit_code == 0
    assert [(row[0], row[2], row[4]) for row in books.invoices] == [
        ("1", 6_000, "sent"),
        ("2", 10_000, "draft"),
    ]


LINES = "invoice number,customer,due date,item name,quantity,amount\n"


@pytest.mark.parametrize("amount", ["400.00", "150.00"])
def test_two_lines_of_one_invoice_are_refused_even_when_equal(books, amount):
    """Given two lines of one invoice, then neither is taken, even with --skip-bad: equal lines may
    be two crowns of 400, and 800 is owed.
    """
    text = LINES + f"7,Ada,2099-01-31,Crown,1,400.00\n7,Ada,2099-01-31,Crown,1,{amount}\n"
    text += "8,Bob,2099-01-31,Crown,1,400.00\n"
    told = books.refused(text, "--currency", "usd")
    assert "line 3: invoice 7 is on line 2" in told
    assert "a row for each line of an invoice" in told
    books.take_in(text, "--currency", "usd", "--skip-bad")
    assert [row[0] for row in books.invoices] == ["8"]


SEMICOLONS = "Invoice No;Customer;Due Date;Open Balance;Currency\n1;Zoë;2099-01-31;10,50;EUR\n"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "content",
    [
        f"sep=;\n{SEMICOLONS}".encode(),
        f"SEP=;\r\n{SEMICOLONS}".encode("utf-8-sig"),
        f'"sep=;"\n{SEMICOLONS}'.encode("utf-16"),
        SEMICOLONS.encode("utf-16-le"),  # without a byte order mark
        SEMICOLONS.encode("utf-16-be"),
        SEMICOLONS.encode("utf-32"),
        SEMICOLONS.encode("cp1252"),
        f'"Bright, Smiles, of London, Inc"\n\n{SEMICOLONS}'.encode(),
        f"sep=|\n{SEMICOLONS.replace(';', '|')}".encode(),
        SEMICOLONS.replace(";", "\t").encode(),
    ],
)
def test_common_separators_and_encodings_are_detected(books, content):
    answer = books.take_in(content)
    assert answer.exit_code == 0, answer.output
    assert [row[:3] for row in books.invoices] == [("1", "Zoë", 1_050)]


@pytest.mark.any_database
def test_an_amount_that_its_own_comma_has_split_is_refused(books):
    """Given amounts with commas and without quotation marks, and an empty last column, then they
    are not read as what stands before the comma. A comma after each row is harmless.
    """
    head = "Invoice No,Customer,Due Date,Balance,Notes\n"
    for amount in ("1,234.50", "$1,234.50", "(1,234.50)", "1,234,567.00", "10,50"):
        told = books.refused(f"{head}1,Ada,2099-01-31,{amount},\n", *DOLLARS)
        assert "under 5 headings; quote cells that contain the delimiter" in told
    assert books.take_in(f"{head}1,Ada,2099-01-31,10.00,90 days,\n", *DOLLARS).exit_code == 0
    assert books.take_in(f"{head}2,Ada,2099-01-31,10,,\n", *DOLLARS).exit_code == 0
    other = f"{head}3,Ada,2099-01-31,10,30,\n".replace(",", ";")
    assert books.take_in(other, *DOLLARS).exit_code == 0
    assert [row[2] for row in books.invoices] == [1_000, 1_000, 1_000]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2.02611E+11,Ada,2099-01-31,10.00,", "Invoice No: '2.02611E+11' is in a spreadsheet's"),
        ("1,Ada,2099-01-31,10.00,1.23457E+18", "External ID: '1.23457E+18' is in a spreadsheet's"),
        ("1,Ada,2099-01-31,10.00,#N/A", "External ID: '#N/A' is a spreadsheet's error"),
        ("#REF!,Ada,2099-01-31,10.00,", "Invoice No: '#REF!' is a spreadsheet's error"),
        ("1,#N/A,2099-01-31,10.00,", "Customer: '#N/A' is a spreadsheet's error"),
        ("########,Ada,2099-01-31,10.00,", "Invoice No: '########' is a spreadsheet's error"),
    ],
)
def test_what_a_spreadsheet_has_spoilt_is_refused(books, row, told):
    told_in = books.refused(
        f"Invoice No,Customer,Due Date,Balance,External ID\n{row}\n", "--currency", "usd"
    )
    assert f"line 2, {told}" in told_in
    assert ("--mapping externalId=" in told_in) is told.startswith("External ID")


@pytest.mark.any_database
def test_spoilt_external_ids_can_be_left_out(books):
    text = "Invoice No,Customer,Due Date,Balance,External ID\n1,Ada,2099-01-31,10.00,2.85E+18\n"
    assert books.take_in(text, *DOLLARS, "--mapping", "externalId=").exit_code == 0
    assert Customer.get().external_id is None


@pytest.mark.any_database
def test_numbers_that_a_program_protects_from_a_spreadsheet_are_read(books):
    """Given numbers written as ="0007", so that spreadsheets keep the zeros, then they are read."""
    text = (
        'Invoice No,Customer,Due Date,Balance,Phone\n="0007",Ada,2099-01-31,10.00,="2025550123"\n'
        '"=""0008""",Ada,2099-01-31,"=""1,250.00""",\n'
    )
    assert books.take_in(text, "--currency", "usd").exit_code == 0
    assert [row[:3:2] for row in books.invoices] == [("0007", 1_000), ("0008", 125_000)]
    assert Customer.get().phone == "+12025550123"


def test_invisible_characters_around_a_cell_do_not_make_another_invoice(books):
    """Given a file that was copied from a web page, with direction marks around its cells, then it
    has the same invoices as without them.
    """
    head, marked = "Invoice No,Customer,Due Date,Balance\n", "\u200e{}\u200b\u00a0\ufeff"
    cells = ("0007", "Ada", "1/31/2099", "10.00")
    for row in (cells, [marked.format(cell) for cell in cells]):
        answer = books.take_in(f"{head}{','.join(row)}\n", *DOLLARS)
        assert answer.exit_code == 0, answer.output
    assert books.invoices == [("0007", "Ada", 1_000, "2099-01-31", "sent")]
    assert "unchanged" in answer.output


def test_line_numbers_count_from_the_files_first_line(books):
    told = books.refused(f"sep=;\n{SEMICOLONS}2;Bob;never;10,50;EUR\n")
    assert "line 4, Due Date: 'never'" in told


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00", "is an Excel workbook; open it and save it as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"<!doctype html><table>", "is a web page or XML"),
        (b"!TRNS\tTRNSID", "is a QuickBooks IIF file"),
        (b"Invoice No,Customer\n1,Zo\x81\xff\n", "Save the file as CSV UTF-8"),
        (b"", "has no header row"),
    ],
)
def test_a_file_other_than_csv_is_refused_by_its_kind(books, content, told):
    assert told in books.refused(content)


@pytest.mark.one_database
def test_a_pipe_is_refused_because_the_file_is_read_twice(database_url):
    """Given the shell's <(…) in place of a file, then the command says so instead of finding no
    header, or waiting for ever for the next writer.
    """
    given.an_account()
    reader, writer = os.pipe()
    os.write(writer, b"number,customer,dueDate,amount,currency\n1,Ada,2099-01-31,10,USD\n")
    os.close(writer)
    told = run("invoices", "import", f"/dev/fd/{reader}")
    os.close(reader)
    assert (told.exit_code, "is a pipe or a device" in told.output) == (1, True), told.output


def test_a_missing_column_is_reported_with_the_accepted_names(books):
    told = books.refused("Invoice No,Customer,Amount Due,Colour\n1,Ada,10.00,blue\n")
    assert "line 1: no column for the due date (accepted: Due Date, Date Due," in told
    assert "Its columns are: Invoice No, Customer, Amount Due, Colour." in told
    assert "--mapping dueDate=COLUMN" in told
    assert "invoice number" not in told
    assert "look like an export" not in told


def test_the_error_for_a_file_without_headings_shows_no_card_number(books):
    told = books.refused("1,Ada 4242424242424242,2099-01-31,10.00\n")
    assert "no column for the invoice number" in told
    assert "4242" not in told


OWN = "Bill;Who Pays;Pay By;Owed;In\n1;Ada;2099-01-31;10,50;EUR\n"


def test_unknown_columns_can_be_mapped(books):
    """Given a program whose export nobody has described, such as Dentrix, then --mapping names its
    columns.
    """
    named = {"number": "Bill", "customer": "who pays", "dueDate": "Pay By", "amount": "Owed"}
    options = [part for pair in named.items() for part in ("--mapping", "=".join(pair))]
    assert "has no currency" in books.refused(OWN, *options)
    assert books.take_in(OWN, *options, "--mapping", "currency=In").exit_code == 0
    assert books.invoices == [("1", "Ada", 1_050, "2099-01-31", "sent")]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("mapping", "code", "told"),
    [
        ("number=Bil", 1, "no column 'Bil' of --mapping"),
        ("sage", 2, "'sage' is neither a program (quickbooks,"),
        ("due=Pay By", 2, "FIELD is one of number, customer, dueDate"),
    ],
)
def test_an_invalid_mapping_is_refused(books, mapping, code, told):
    answer = books.take_in(OWN, "--mapping", mapping)
    assert (answer.exit_code, told in " ".join(answer.output.split())) == (code, True), (
        answer.output
    )


def test_a_dry_run_shows_how_each_column_was_read(books):
    text = (
        "Invoice No,Customer,Due Date,Open Balance,Currency,Phone,Shoe size\n"
        '1,Ada Payer,12-Aug-2099,"1,250.00",USD,(202) 555-0123,40\n'
    )
    answer = books.take_in(text, "--dry-run")
    shown = [line.split("  ") for line in answer.output.splitlines()]
    told = {
        parts[0].strip(): [part.strip() for part in parts[1:] if part.strip()] for parts in shown
    }
    assert told["number"] == ["Invoice No", "1"]
    assert told["dueDate"] == ["Due Date", "2099-08-12"]
    assert told["amount"] == ["Open Balance", "$1,250.00"]
    assert told["phone"] == ["Phone", "+12025550123"]
    assert "Ignored columns: Shoe size." in answer.output
    assert books.invoices == []


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        ("10.50", "UGX", "Stripe takes UGX in steps of 1"),
        ("800.50", "ISK", "Stripe takes ISK in steps of 1"),
        ("5.125", "KWD", "Stripe takes KWD in steps of 0.01"),
        ("0.30", "USD", "less than 0.50 USD, the least that Stripe charges"),
        ("1.000", "USD", "1.00 USD with --thousands none, or 1,000.00 USD with --thousands point"),
        ('"1,000"', "EUR", "1.00 EUR with --thousands none"),
    ],
)
def test_an_unchargeable_or_ambiguous_amount_is_refused_on_import(books, amount, currency, told):
    text = (
        f"Invoice No,Customer,Due Date,Open Balance,Currency\n1,Ada,2099-01-31,{amount},{currency}"
    )
    output = books.refused(text)
    assert "line 2, Open Balance: " in output
    assert told in output


def test_separator_options_accept_names_or_signs(books):
    text = "Invoice No,Customer,Due Date,Open Balance,Currency\n1,Ada,2099-01-31,1.000,EUR\n"
    answer = books.take_in(text, "--thousands", "point", "--decimal", "point")
    assert (answer.exit_code, "is the decimal sign too" in answer.output) == (2, True)
    assert books.take_in(text, "--thousands", ".").exit_code == 0
    assert Invoice.get().amount_due == 100_000


def test_negative_amounts_are_not_imported(books):
    rows = ["1,Ada,2099-01-31,(25.00),USD", "2,Ada,2099-01-31,25.00-,USD", "3,Ada,,-25.00,USD"]
    text = "Invoice No,Customer,Due Date,Open Balance,Currency\n" + "\n".join(rows)
    answer = books.take_in(text)
    assert (answer.exit_code, books.invoices) == (0, [])
    assert (
        "less than nothing owed: line 2 1 of Ada (25.00), line 3 2 of Ada 25.00-" in answer.output
    )


def test_a_credit_may_share_an_invoices_number(books):
    """Given QuickBooks, which numbers payments by their checks, then a payment can have an
    invoice's number.
    """
    text = "Num,Customer,Due Date,Open Balance,Currency,Type,Status\n"
    text += "7,Ada,2099-01-31,10.00,USD,Invoice,Open\n"
    text += "7,Ada,2099-01-31,-10.00,USD,Payment,Unapplied\n"
    assert books.take_in(text).exit_code == 0
    assert [row[:3] for row in books.invoices] == [("7", "Ada", 1_000)]

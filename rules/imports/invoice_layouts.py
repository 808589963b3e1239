"""The columns of invoices in bookkeeping programs' exports.

Each program's names come first, then those that any spreadsheet may have. `docs/imports.md` lists
them with their sources, and a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A program's columns: our field → its names for it, the best first.

    `marks` identify the program; `as_written`: only if they are spelled so, capitals and spaces
    included. If a file has a row for each line of an invoice, the columns of
    `line_amounts` hold the lines' own amounts, and the amount owed is repeated in each row;
    `is_summed`: there is no amount owed, so the lines of an invoice are added up. `source` is where
    the program exports the file.
    """

    name: str
    title: str
    fields: Mapping[str, Names]
    marks: Names = ()
    as_written: bool = False
    line_amounts: Names = ()
    is_summed: bool = False
    source: str = ""
    is_whole: bool = False  # its fields are complete: common names are not added


# Consents and opt-outs; a file of any program may have these.
CONTACT: dict[str, Names] = {
    name: (name,)
    for name in ("smsConsent", "consentSource", "consentAt", "consentText", "optOutAt")
} | {
    "smsOptOut": ("smsOptOut", "textOptOut", "doNotText"),
    "voiceOptOut": ("voiceOptOut", "callOptOut", "doNotCall"),
    "optOut": ("optOut", "optedOut", "doNotContact"),
}

# Names that mean the same in every file. `balance` is what is still owed, `total` the original
# amount, `paid` what has been paid of it.
COMMON: dict[str, Names] = {
    "number": (
        "Invoice Number",
        "Invoice No",
        "Invoice #",
        "Invoice Num",
        "Invoice",
        "Invoice ID",
        "Number",
    ),
    "customer": (
        "Customer Name",
        "Customer",
        "Client Name",
        "Client",
        "Patient Name",
        "Patient",
        "Guarantor Name",
        "Guarantor",
        "Contact Name",
        "Bill To",
    ),
    "dueDate": ("Due Date", "Date Due", "Payment Due Date", "Due On"),
    "balance": (
        "Open Balance",
        "Balance",
        "Balance Due",
        "Amount Due",
        "Amount Remaining",
        "Remaining Balance",
        "Outstanding",
        "Outstanding Balance",
        "Outstanding Amount",
    ),
    "total": ("Amount", "Total", "Total Amount", "Invoice Total", "Invoice Amount"),
    "paid": (
        "Amount Paid",
        "Paid Amount",
        "Total Paid",
        "Paid to Date",
        "Paid",
        "Payments Received",
        "Payments",
    ),
    "currency": ("Currency", "Currency Code"),
    "email": ("Email", "Email Address", "Customer Email", "Client Email", "Patient Email"),
    "phone": ("Phone", "Phone Number", "Mobile", "Mobile Phone", "Customer Phone", "Cell Phone"),
    "type": ("Transaction Type", "Type"),
    "status": ("Status", "Invoice Status"),
    "externalId": ("External ID",),
    "project": ("Project",),
}

QUICKBOOKS = Layout(
    "quickbooks",
    "QuickBooks Online",
    {
        "number": ("Invoice No", "Invoice Number", "No", "Num", "Invoice #"),
        "customer": (
            "Customer",
            "Customer full name",
            "Customer/Project",
            "Customer Name",
            "Name",
            "Client full name",
        ),
        "dueDate": ("Due Date",),
        "balance": ("Open Balance", "Balance", "Balance Due"),
        "total": ("Amount", "Total"),
        "currency": ("Currency", "Currency Code"),
        "email": ("Email", "Customer Email", "Main Email", "Billing Email"),
        "phone": ("Phone", "Phone Numbers", "Main Phone", "Mobile"),
        "project": ("Project", "Class"),
        "type": ("Transaction Type", "Type"),
        "status": ("Status",),
    },
    marks=("Open Balance", "Invoice No", "Num", "Customer full name", "Terms", "Term", "Balance"),
    source="the invoice list, and the reports Open Invoices, A/R Aging Detail, Invoice List,"
    " Customer Balance Detail and Invoices and Received Payments, as downloaded",
)
QUICKBOOKS_DESKTOP = Layout(
    "quickbooks-desktop",
    "QuickBooks Desktop",
    {
        "number": ("Num", "Invoice Number"),
        "customer": ("Name", "Source Name", "Customer"),
        "dueDate": ("Due Date",),
        "balance": ("Open Balance",),
        "total": ("Amount",),
        "email": ("Name E-Mail",),
        "phone": ("Name Phone #",),
        "project": ("Class",),
        "type": ("Type",),
    },
    marks=("Num", "P. O. #", "Aging", "Type", "Open Balance", "Name E-Mail", "Terms"),
    source="the reports Open Invoices and A/R Aging Detail, saved as CSV",
)
XERO = Layout(
    "xero",
    "Xero",
    {
        "number": ("InvoiceNumber",),
        "customer": ("ContactName", "Contact"),
        "dueDate": ("DueDate",),
        "balance": ("InvoiceAmountDue", "AmountDue", "Due"),
        "total": ("Total", "Gross"),
        "paid": ("InvoiceAmountPaid",),
        "currency": ("Currency", "CurrencyCode"),
        "email": ("EmailAddress",),
        "phone": ("PhoneNumber", "Phone", "ContactNumber", "MobileNumber"),
        "project": ("Reference", "TrackingOption1"),
        "type": ("Type",),
        "status": ("Status",),
        "externalId": ("ContactID", "AccountNumber"),
    },
    marks=("ContactName", "EmailAddress", "InvoiceAmountDue", "POCountry", "UnitAmount"),
    line_amounts=("LineAmount",),
    source="Business → Invoices → Export",
)
FRESHBOOKS = Layout(
    "freshbooks",
    "FreshBooks",
    {
        "number": ("Invoice #",),
        "customer": ("Client Name",),
        "dueDate": ("Date Due",),
        "total": ("Line Total",),
        "currency": ("Currency",),
        "status": ("Invoice Status",),
    },
    marks=("Client Name", "Date Issued", "Date Due", "Line Total", "Line Subtotal", "Date Paid"),
    line_amounts=("Line Total",),
    is_summed=True,
    source="Reports → Invoice Details → Export",
)
ZOHO = Layout(
    "zoho",
    "Zoho Books and Zoho Invoice",
    {
        "number": ("Invoice Number", "Invoice#"),
        "customer": ("Customer Name",),
        "dueDate": ("Due Date",),
        "balance": ("Balance",),
        "total": ("Total",),
        "currency": ("Currency Code",),
        "email": ("Primary Contact EmailID",),
        "phone": ("Primary Contact Mobile", "Primary Contact Phone"),
        "project": ("Project Name",),
        "status": ("Invoice Status", "Status"),
        "externalId": ("Customer ID",),
    },
    marks=(
        "Invoice#",
        "Customer Name",
        "Balance",
        "Invoice Status",
        "GST Treatment",
        "Place of Supply",
        "SubTotal",
        "Item Total",
    ),
    line_amounts=("Item Total",),
    source="Sales → Invoices → Export, and the list as it is shown",
)
WAVE = Layout(
    "wave",
    "Wave",
    {
        "number": ("Invoice Number", "Invoice Num"),
        "customer": ("Customer Name", "Customer"),
        "dueDate": ("Due Date",),
        "balance": ("Amount Due",),
        "total": ("Total", "Invoice Total"),
        "paid": ("Amount Paid",),
        "currency": ("Currency",),
        "status": ("Status",),
    },
    marks=("Invoice Num", "PO Number", "Amount Due", "Business Name"),
    source="a list with the names of Wave's own fields",
)
SQUARE = Layout(
    "square",
    "Square Invoices",
    {
        "number": ("Invoice Number", "Invoice ID"),
        "customer": ("Customer Name", "Recipient Name"),
        "dueDate": ("Due Date",),
        "balance": ("Amount Due", "Outstanding Amount"),
        "total": ("Requested Amount",),
        "paid": ("Amount Paid",),
        "currency": ("Currency",),
        "email": ("Customer Email", "Recipient Email"),
        "phone": ("Customer Phone",),
        "status": ("Status",),
    },
    marks=("Invoice Title", "Requested Amount", "Customer Email", "Invoice ID"),
    source="Invoices → Export",
)
STRIPE = Layout(
    "stripe",
    "Stripe Invoicing",
    {
        "number": ("Number", "Invoice Number"),
        "customer": ("Customer Name", "Customer Description", "Customer Email", "Customer"),
        "dueDate": ("Due Date (UTC)", "Due Date"),
        "balance": ("Amount Remaining",),
        "total": ("Amount Due", "Total"),
        "paid": ("Amount Paid",),
        "currency": ("Currency",),
        "email": ("Customer Email",),
        "phone": ("Customer Phone",),
        "status": ("Status",),
        "externalId": ("Customer", "Customer ID"),
    },
    marks=("Due Date (UTC)", "Date (UTC)", "Created (UTC)", "Applied Coupons", "Subscription"),
    source="Invoices → Export",
)
PAYPHONE = Layout(
    "payphone",
    "Payphone's own names",
    {
        name: (name,)
        for name in ("number", "customer", "dueDate", "currency", "email", "phone", "project")
    }
    | {"balance": ("amount",), "externalId": ("externalId",), "status": ("status",)},
    marks=("dueDate",),
    as_written=True,  # "Due Date" is anyone's, and the "Amount" beside it is a total
    source="a spreadsheet of your own",
)
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        QUICKBOOKS,
        QUICKBOOKS_DESKTOP,
        XERO,
        FRESHBOOKS,
        ZOHO,
        WAVE,
        SQUARE,
        STRIPE,
        PAYPHONE,
    )
}

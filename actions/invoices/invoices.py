"""An account's invoices: find, create, change."""

from typing import Any

from actions.invoices.change import change_terms
from actions.invoices.customers import find_customer
from actions.payments.chargeable import check_chargeable
from actions.payments.recompute import recompute
from models.accounts.account import Account
from models.contact.contact_course import ContactCourse
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.invoices_with_money import invoices_with_money
from models.transactions import transaction
from rules.invoice_fold import CLOSING_MARKS
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id


def find_invoice(account: Account, invoice_id: str) -> Invoice:
    """Return the account's own invoice with its customer. Raises Refused `not_found`."""
    own = (Invoice.id == invoice_id) & (Invoice.account == account)
    invoice: Invoice | None = (
        Invoice.select(Invoice, Customer).join(Customer).where(own).get_or_none()
    )
    if invoice is None:
        raise Refused("not_found", f"There is no invoice {invoice_id[:40]}.")
    return invoice


def lock_invoice(account: Account, invoice_id: str) -> Invoice:
    """Return the account's own invoice, fresh, and locked until the transaction ends. Raises
    Refused `not_found`.
    """
    return Invoice.locked(find_invoice(account, invoice_id).id)


def create_invoice(account: Account, customer_id: str, values: dict[str, Any]) -> Invoice:
    """Create an invoice for the account's customer from the columns in `values`; its `mark` is
    draft or sent.

    Raises Refused `not_found` for the customer, `already_exists` for the number or the external id,
    `invalid` for an amount that Stripe does not charge.
    """
    now = real_now()
    check_chargeable(values["amount_due"], values["currency"], "amountDue")
    with transaction():
        customer = find_customer(account, customer_id)
        number = values["number"]
        if Invoice.get_or_none((Invoice.account == account) & (Invoice.number == number)):
            raise Refused("already_exists", f"There is an invoice with number {number}.")
        _check_external_id(account.id, values)
        invoice: Invoice = Invoice.create(
            id=new_id("inv"),
            account=account,
            customer=customer,
            outstanding=values["amount_due"],
            created_at=now,
            updated_at=now,
            **values,
        )
        recompute(invoice)
    return invoice


def change_invoice(
    account: Account, invoice_id: str, values: dict[str, Any], actor: str
) -> Invoice:
    """Change the columns in `values`. A new amount retires links and open intents for the old one.

    Raises Refused `conflict` when more than the notes, project and external id of a closed invoice
    would change, or a sent one would become a draft; `invoice_has_payments` when the amount of one
    with payments would change; `invalid` when Stripe does not charge the new amount;
    `already_exists` when another invoice has the external id.
    """
    with transaction():
        invoice = lock_invoice(account, invoice_id)
        _check_change(invoice, values)
        _check_external_id(account.id, values, invoice.id)
        change_terms(invoice, values, actor, real_now())
        recompute(invoice)
        if "due_date" in values:
            ContactCourse.recheck_customer(invoice.customer_id)
    return invoice


def _check_external_id(account_id: str, values: dict[str, Any], invoice_id: str = "") -> None:
    """Raises Refused if an invoice other than `invoice_id` has this external id."""
    external_id = values.get("external_id")
    if external_id is not None and Invoice.has(
        "account_id = ? AND external_id = ? AND id <> ?", account_id, external_id, invoice_id
    ):
        raise Refused("already_exists", f"There is an invoice with externalId {external_id}.")


def _check_change(invoice: Invoice, values: dict[str, Any]) -> None:
    if invoice.mark in CLOSING_MARKS and values.keys() - {"notes", "project", "external_id"}:
        raise Refused(
            "conflict",
            f"Invoice {invoice.number} is {invoice.mark.replace('_', ' ')}; only its notes, project"
            " and externalId may change.",
        )
    if (invoice.mark, values.get("mark")) == ("sent", "draft"):
        raise Refused(
            "conflict",
            f"Invoice {invoice.number} was sent and is no longer a draft; cancel it instead.",
        )
    other = values.get("amount_due", invoice.amount_due) != invoice.amount_due
    if other and invoices_with_money([invoice.id]):
        raise Refused(
            "invoice_has_payments",
            f"Invoice {invoice.number} has a payment received or in progress; its amount can no"
            " longer change.",
        )
    if other:
        check_chargeable(values["amount_due"], invoice.currency, "amountDue")

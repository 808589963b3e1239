"""What rows look like outside: camelCase, minor units with a currency, RFC 3339 UTC."""

from typing import Any

from models.accounts.account import Account
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.dispute import answer_due_by
from runtime.clock import rfc3339


def show_account(account: Account) -> dict[str, Any]:
    """An account."""
    return {
        "id": account.id,
        "name": account.name,
        "timeZone": account.time_zone,
        "stripeAccount": account.stripe_account,
        "createdAt": rfc3339(account.created_at),
    }


def show_customer(customer: Customer) -> dict[str, Any]:
    """A customer."""
    return {
        "id": customer.id,
        "name": customer.name,
        "phone": customer.phone,
        "email": customer.email,
        "address": customer.address,
        "timeZone": customer.time_zone,
        "language": customer.language,
        "externalId": customer.external_id,
        "stripeCustomerId": customer.stripe_customer_id,
        "createdAt": rfc3339(customer.created_at),
        "updatedAt": rfc3339(customer.updated_at),
    }


def show_invoice(invoice: Invoice) -> dict[str, Any]:
    """An invoice with its customer."""
    due_by = answer_due_by(invoice)
    return {
        "id": invoice.id,
        "number": invoice.number,
        "status": invoice.status,
        "project": invoice.project,
        "currency": invoice.currency,
        "amountDue": invoice.amount_due,
        "amountPaid": invoice.amount_paid,
        "amountReceived": invoice.amount_received,
        "amountReturned": invoice.amount_returned,
        "outstandingBalance": invoice.outstanding,
        "overpaid": invoice.overpaid,
        "currencyMismatch": invoice.mismatched,
        "disputed": invoice.disputed,
        "disputeDueBy": rfc3339(due_by) if due_by else None,
        "dueDate": invoice.due_date.isoformat(),
        "notes": invoice.notes,
        "customer": {
            "id": invoice.customer_id,
            "name": invoice.customer.name,
            "phone": invoice.customer.phone,
            "email": invoice.customer.email,
        },
        "createdAt": rfc3339(invoice.created_at),
        "updatedAt": rfc3339(invoice.updated_at),
    }

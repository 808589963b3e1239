"""Change an invoice's terms, and audit the old values."""

from datetime import date, datetime
from typing import Any

from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice

# columns whose old and new values are audited, by their API names; others are audited by name only
TERMS = {"amount_due": "amountDue", "due_date": "dueDate", "mark": "status"}


def change_terms(invoice: Invoice, values: dict[str, Any], actor: str, now: datetime) -> None:
    """Write the columns in `values` to a locked invoice, and audit those that differ. The caller
    recomputes the invoice.
    """
    differ = [name for name, value in values.items() if getattr(invoice, name) != value]
    terms = {
        TERMS[name]: [_kept(getattr(invoice, name)), _kept(values[name])]
        for name in differ
        if name in TERMS
    }
    if values:
        invoice.change(now, **values)
    if differ:
        AuditEntry.record(
            actor,
            "invoice.changed",
            f"invoice:{invoice.id}",
            invoice.account_id,
            currency=invoice.currency,
            changed=sorted(differ),
            terms=terms,
        )


def _kept(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value

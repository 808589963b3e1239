"""Changing an invoice's terms, so that whoever looks later sees what they were."""

from datetime import date, datetime
from typing import Any

from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice

# columns whose old and new value the audit keeps, by the API's names; of others, that they changed
TERMS = {"amount_due": "amountDue", "due_date": "dueDate", "mark": "status"}


def change(invoice: Invoice, values: dict[str, Any], actor: str, now: datetime) -> None:
    """Write the columns in `values` of a locked invoice, and audit those that differ. The caller
    recomputes it.
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

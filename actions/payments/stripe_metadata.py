"""The metadata that link our objects at Stripe to our rows."""

from models.accounts.account_settings import AccountSettings
from models.invoices.invoice import Invoice

LONGEST = 500  # characters; Stripe's limit for a metadata value


def stripe_metadata(invoice: Invoice, attempt_id: str) -> dict[str, str]:
    """Return the metadata of an intent, link or refund that our row `attempt_id` creates for the
    invoice.

    The project is left out unless the account has declared that it is only a reference: it might
    name a treatment, and no health information goes to Stripe (45 CFR 164.502(b)).
    """
    project = invoice.project or ""
    if project and not AccountSettings.of_account(invoice.account_id).send_project:
        project = ""
    return {
        "account_id": invoice.account_id,
        "invoice_id": invoice.id,
        "attempt_id": attempt_id,
        "project": project[:LONGEST],
    }

"""What our objects at Stripe say of whose they are."""

from models.accounts.account_settings import AccountSettings
from models.invoices.invoice import Invoice

LONGEST = 500  # characters of a value of Stripe's metadata


def stripe_metadata(invoice: Invoice, attempt_id: str) -> dict[str, str]:
    """The metadata of an intent, a link or a refund, by which our row `attempt_id` asks for the
    invoice's money, or gives it back.

    The project stays here unless the account says that it is only a reference: else it may name a
    treatment, and nothing about health goes to Stripe (45 CFR 164.502(b)).
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

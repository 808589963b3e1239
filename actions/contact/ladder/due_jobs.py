"""Take the due jobs of an approved contact that no worker has begun, to perform them when the
client asks again while workers are busy or down.
"""

from delivery.perform_now import take_due
from models.contact.message import Message
from models.payments.payment_link import PaymentLink


def claim_due_jobs(message_id: str | None, call_id: str | None) -> list[int]:
    """Claim the due jobs of the text (and of its link), or of the call, for the caller to perform
    after its commit. Needs an open transaction.
    """
    due = [take_due("dial_overdue", call_id)] if call_id else []
    message = Message.one("id = ?", message_id) if message_id else None
    if message is not None:
        link = PaymentLink.newest(message.invoice)
        due += [take_due("create_payment_link", link.id)] if link is not None else []
        due += [take_due("send_payment_link", message.id)]
    return [job_id for job_id in due if job_id is not None]

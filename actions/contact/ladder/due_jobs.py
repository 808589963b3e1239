"""What of a contact that somebody approved is due and was begun by nobody: for whoever asks again
while workers are busy or away.
"""

from delivery.perform_now import take_due
from models.contact.message import Message
from models.payments.payment_link import PaymentLink


def take_due_jobs(message_id: str | None, call_id: str | None) -> list[int]:
    """The jobs of the text, with the link that it names, or of the call, where they are due, taken
    for the caller to perform after its commit; needs an open transaction.
    """
    due = [take_due("dial_overdue", call_id)] if call_id else []
    message = Message.one("id = ?", message_id) if message_id else None
    if message is not None:
        link = PaymentLink.newest(message.invoice)
        due += [take_due("create_payment_link", link.id)] if link is not None else []
        due += [take_due("send_payment_link", message.id)]
    return [job_id for job_id in due if job_id is not None]

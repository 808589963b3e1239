"""An answer that was not sent, or did not arrive, is work again for whoever wrote it."""

from models.contact.message import Message
from models.contact.work_item import WorkItem
from rules.contact.text_status import FAILED

ANSWER = "answer"


def reopen_unanswered(message: Message) -> None:
    """Open the item again that a text answered, if the text has failed; the text is locked."""
    if message.kind != ANSWER or message.status not in FAILED:
        return
    for item in WorkItem.all(
        "invoice_id = ? AND state = 'resolved' AND resolution = 'reply'", message.invoice_id
    ):
        if item.context.get("messageId") == message.id:
            why = (message.error or message.error_code or message.status).rstrip(".")
            item.open_again(
                item.words, {**item.context, "answerFailed": f"The answer was not sent: {why}."}
            )

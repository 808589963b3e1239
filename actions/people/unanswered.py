"""Reopen a work item if the text that answered it failed."""

from models.contact.message import Message
from models.contact.work_item import WorkItem
from rules.contact.text_status import FAILED

ANSWER = "answer"


def reopen_unanswered(message: Message) -> None:
    """Reopen the item that a locked text answered, if the text has failed."""
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

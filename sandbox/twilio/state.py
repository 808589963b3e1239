"""What of Twilio's state the page shows, newest first; and what is kept across restarts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sandbox.stripe.state import Section
from sandbox.twilio.account import Sender
from sandbox.twilio.provider import Twilio


def sections(twilio: Twilio, at_most: int) -> Iterator[tuple[Section, int]]:
    """Messages, and who has opted out of which sender."""
    books = twilio.books
    newest = list(books.messages.values())[::-1][:at_most]
    rows = [
        (m["sid"], m["direction"], m["from"], m["to"], m["status"], m["error_code"], m["body"])
        for m in newest
    ]
    yield (
        Section("Messages", ("Id", "Direction", "From", "To", "Status", "Error", "Text"), rows),
        len(books.messages),
    )
    stopped = sorted(books.opted_out)
    yield Section("Opted out", ("Sender", "Person"), list(stopped[:at_most])), len(stopped)


def saved(twilio: Twilio) -> dict[str, Any]:
    """Everything worth keeping, as JSON."""
    books = twilio.books
    return {
        "tokens": books.tokens,
        "senders": [asdict(sender) for sender in books.senders],
        "messages": books.messages,
        "private": books.private,
        "opted_out": sorted(books.opted_out),
        "outcomes": books.outcomes,
        "step": books.step,
    }


def restore(twilio: Twilio, state: dict[str, Any]) -> None:
    """Take up where a file left off; callers hold the lock."""
    books = twilio.books
    books.tokens, books.messages, books.private = (
        state["tokens"],
        state["messages"],
        state["private"],
    )
    books.outcomes, books.step = state["outcomes"], state["step"]
    books.senders = [Sender(**sender) for sender in state["senders"]]
    books.opted_out = {(sender, phone) for sender, phone in state["opted_out"]}

"""What Vapi does at Twilio when a number is imported: it looks the number up, and points it at
itself.
"""

from collections.abc import Callable

from sandbox.twilio.provider import Twilio


class Line:
    """Twilio's stand-in, as Vapi's uses it."""

    def __init__(self, twilio: Twilio) -> None:
        """Work on a stand-in."""
        self.twilio = twilio

    def answer_sip(self, answers: Callable[[str, str], bool]) -> None:
        """Answer what Twilio sends by SIP, to an address and from one of its own."""
        self.twilio.books.answers_sip = answers

    def owns(self, account_sid: str, token: str, number: str) -> bool:
        """Whether the credentials hold, and the account has the number: bought, or a sender."""
        books = self.twilio.books
        if not token or books.tokens.get(account_sid) != token:
            return False
        bought = books.incoming_by_number(number)
        if bought is not None:
            return bool(bought["account_sid"] == account_sid)
        return any(sender.number == number for sender in books.senders)

    def point(self, number: str, voice_url: str, sms_url: str | None) -> None:
        """Write the number's addresses; without an `sms_url` its texts go where they went."""
        bought = self.twilio.books.incoming_by_number(number)
        if bought is not None:
            bought["voice_url"] = voice_url
        if sms_url is None:
            return
        if bought is not None:
            bought["sms_url"] = sms_url
        for sender in self.twilio.books.senders:
            if sender.number == number:
                sender.sms_url = sms_url

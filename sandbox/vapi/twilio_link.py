"""What Vapi does at Twilio when a number is imported: it looks the number up, and sets its URLs."""

from collections.abc import Callable

from sandbox.twilio.provider import Twilio


class TwilioLink:
    """Twilio's stand-in, as Vapi's stand-in uses it."""

    def __init__(self, twilio: Twilio) -> None:
        """Use a stand-in."""
        self.twilio = twilio

    def answer_sip(self, answers: Callable[[str, str], bool]) -> None:
        """Set the function that decides whether a SIP call from Twilio is answered."""
        self.twilio.books.answers_sip = answers

    def owns(self, account_sid: str, token: str, number: str) -> bool:
        """Whether the credentials are valid and the account has the number: bought, or
        as a sender.
        """
        books = self.twilio.books
        if not token or books.tokens.get(account_sid) != token:
            return False
        bought = books.incoming_by_number(number)
        if bought is not None:
            return bool(bought["account_sid"] == account_sid)
        return any(sender.number == number for sender in books.senders)

    def set_urls(self, number: str, voice_url: str, sms_url: str | None) -> None:
        """Set the number's URLs; without an `sms_url`, its texts keep their URL."""
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

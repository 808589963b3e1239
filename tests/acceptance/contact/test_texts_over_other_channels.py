"""A customer who answers over RCS, WhatsApp or Messenger is the one we text: their STOP counts, and
so do delivery reports. Addresses are as Twilio documents them for channels other than SMS
(https://www.twilio.com/docs/messaging/channels).
"""

import json
import runpy

import pytest

from models.books.inbox_event import InboxEvent
from models.contact.account_sender import AccountSender
from models.contact.opt_out import OptOut
from models.migrate import DIRECTORY
from models.transactions import database
from runtime.clock import real_now
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from tests.stories.texting import HOME, INBOUND, SHARED_NUMBER, Texting

AGENT = "rcs:harbor_dental_agent"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


def says(clinic: Texting, body: str, channel: str, to: str, **more: str):
    fields = {
        "MessageSid": f"SM{'b' * 32}",
        "From": f"{channel}:{clinic.phone}",
        "To": to,
        "Body": body,
        "ChannelPrefix": channel,
    }
    return clinic.tell(INBOUND, fields | more)


def has_a_number(clinic: Texting, number: str) -> None:
    """Let the clinic text from this number, outside the shared messaging service."""
    now = real_now()
    add_sender(clinic.twilio, Sender(number, "", HOME + INBOUND))
    AccountSender.create(account=clinic.account, from_number=number, created_at=now, updated_at=now)


@pytest.mark.parametrize("channel", ["rcs", "whatsapp", "messenger", "RCS"])
def test_a_stop_over_another_channel_opts_the_customer_out(clinic, channel):
    said = says(clinic, "STOP", channel, f"{channel}:{SHARED_NUMBER}")
    assert (said.status_code, clinic.ledger()["sms"]["optedOut"]) == (200, True)
    assert clinic.ask().json["reasonCode"] == "opted_out"
    kept = json.loads(InboxEvent.get(InboxEvent.provider == "twilio").payload)
    assert (kept["From"], kept["ChannelPrefix"]) == (clinic.phone, channel)


def test_a_stop_to_the_messaging_services_rcs_agent_opts_the_customer_out(clinic):
    says(clinic, "STOP", "rcs", AGENT, MessagingServiceSid=MAGIC_SERVICE)
    assert clinic.ask().json["reasonCode"] == "opted_out"


def test_a_stop_to_an_unknown_agent_counts_for_clinics_that_texted_the_customer(clinic):
    """Given an agent's name that does not show whose it is, then a STOP to it counts for the clinic
    that texted the customer from a number of its own, and for none that did not.
    """
    has_a_number(clinic, "+12025550100")
    clinic.send()
    silent = clinic.another_clinic()
    has_a_number(silent, "+12025550101")
    says(clinic, "STOP", "rcs", AGENT)
    assert clinic.ledger()["sms"]["optedOut"] is True
    assert silent.ledger()["sms"]["optedOut"] is False


def test_a_start_to_an_unknown_agent_ends_no_opt_out(clinic):
    """Given an opt-out at a clinic with a number of its own, when the customer texts START to an
    unknown agent, then the opt-out stays.
    """
    has_a_number(clinic, "+12025550100")
    clinic.send()
    OptOut.record(
        clinic.account.id, clinic.phone, "stop", ["sms"], source="desk", recorded_by="test"
    )
    says(clinic, "START", "rcs", AGENT, MessageSid=f"SM{'d' * 32}")
    assert clinic.ledger()["sms"]["optedOut"] is True


def test_start_over_another_channel_allows_texts_again(clinic):
    says(clinic, "STOP", "rcs", AGENT, MessagingServiceSid=MAGIC_SERVICE)
    again = {"MessagingServiceSid": MAGIC_SERVICE, "MessageSid": f"SM{'c' * 32}"}
    says(clinic, "START", "whatsapp", AGENT, **again)
    assert clinic.ledger()["sms"]["optedOut"] is False


@pytest.mark.parametrize("channel", ["rcs", "whatsapp"])
def test_a_delivery_report_with_a_channel_prefix_counts(clinic, channel):
    message = clinic.send()
    clinic.report(message, "delivered", To=f"{channel}:{message.to}")
    assert clinic.message(message.id).status == "delivered"


def test_an_opt_out_stored_with_a_channel_prefix_survives_the_migration(clinic):
    words = {"wish": "stop", "channels": ["sms"], "source": "inbound_sms", "recorded_by": "twilio"}
    OptOut.create(
        id="opt_before",
        account_id=clinic.account.id,
        phone=f"rcs:{clinic.phone}",
        sender="rcs:agent",
        at=real_now(),
        **words,
    )
    assert clinic.ledger()["sms"]["optedOut"] is True, "an old process may file one at any time"
    runpy.run_path(str(DIRECTORY / "0012_addresses_without_channel.py"))["up"](None, database)
    assert clinic.ledger()["sms"]["optedOut"] is True
    assert OptOut.get_by_id("opt_before").sender == "agent"

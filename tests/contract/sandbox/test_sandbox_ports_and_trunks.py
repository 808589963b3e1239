"""Porting and SIP trunks at Twilio's stand-in. A port takes days on the stand-in's clock; the
carrier can refuse it, and we can cancel it until the number has moved. No two trunks have the same
domain.
"""

import pytest

from sandbox import Sandbox
from sandbox.twilio import credential_lists, porting, trunks
from sandbox.twilio.account import MAGIC_ACCOUNT
from sandbox.twilio.errors import TwilioError

NUMBER, OTHER = "+12125550177", "+12125550178"
DAY = 86_400
BILL = {"document_type": "utility_bill", "friendly_name": "bill", "File": b"%PDF-1.7"}
ADDRESS = {"street": "1 A St", "city": "B", "state": "NY", "zip": "10001", "country": "US"}
LOSING = {
    "customer_name": "Harbor Dental",
    "authorized_representative": "Ada Lane",
    "authorized_representative_email": "ada@harbor.example",
    "address": ADDRESS,
}


class Twilio:
    """Twilio's stand-in, on a clock that the test moves."""

    def __init__(self):
        self.sandbox = Sandbox(clock=lambda: 1_800_000_000.0, wall=lambda: 0.0, seed=1)
        self.books = self.sandbox.twilio.books

    def port(self, *numbers, documents=None, losing=LOSING):
        if documents is None:
            documents = [porting.upload(self.books, MAGIC_ACCOUNT, BILL)["sid"]]
        body = {"account_sid": MAGIC_ACCOUNT, "documents": documents}
        body["losing_carrier_information"] = losing
        body["phone_numbers"] = [{"phone_number": each} for each in numbers or (NUMBER,)]
        return porting.create(self.books, MAGIC_ACCOUNT, body)["port_in_request_sid"]

    def days_pass(self, days):
        for _ in range(days):
            self.sandbox.shared.moved_by += DAY
            while self.sandbox.shared.tick():
                pass

    def status(self, sid):
        """Return the statuses of the request and of its first number."""
        port = porting.retrieve(self.books, MAGIC_ACCOUNT, {}, sid)
        (number, *_) = port["phone_numbers"]
        return port["port_in_request_status"], number["port_in_phone_number_status"]

    def cancel(self, sid):
        porting.cancel(self.books, MAGIC_ACCOUNT, {}, sid)

    def trunk(self, domain):
        return trunks.create(self.books, MAGIC_ACCOUNT, {"DomainName": domain})["sid"]

    def logins(self):
        return credential_lists.create(self.books, MAGIC_ACCOUNT, {"FriendlyName": "logins"})["sid"]

    def has(self, number):
        return self.books.incoming_by_number(number) is not None


@pytest.fixture
def twilio():
    return Twilio()


def test_a_port_advances_one_step_a_day(twilio):
    sid = twilio.port()
    course = [twilio.status(sid)]
    for _ in range(4):
        assert not twilio.has(NUMBER)
        twilio.days_pass(1)
        course.append(twilio.status(sid))
    assert course == [
        ("In Review", "In Review"),
        ("Waiting for Signature", "Waiting for Signature"),
        ("In Progress", "Submitted"),
        ("In Progress", "Pending"),
        ("Completed", "Completed"),
    ]
    assert twilio.has(NUMBER)
    with pytest.raises(TwilioError):
        twilio.cancel(sid)


def test_a_rejected_port_stays_rejected_until_it_is_cancelled(twilio):
    twilio.books.rejections[NUMBER] = [7, "Service address does not match"]
    sid = twilio.port()
    twilio.days_pass(30)
    assert twilio.status(sid) == ("Action Required", "Rejected")
    (number,) = twilio.books.ports[sid]["phone_numbers"]
    assert number["rejection_reason"] == "Service address does not match"
    twilio.cancel(sid)
    twilio.days_pass(30)
    assert twilio.status(sid) == ("Canceled", "Canceled")
    assert not twilio.has(NUMBER)


def test_portability_is_reported_for_each_number(twilio):
    def told(number):
        return porting.portability(twilio.books, MAGIC_ACCOUNT, {}, number)

    twilio.books.unportable[OTHER] = [22130, "Unsupported rate center"]
    assert (told(NUMBER)["portable"], told(OTHER)["portable"]) == (True, False)
    assert told(OTHER)["not_portable_reason_code"] == 22130
    twilio.port()
    assert not told(NUMBER)["portable"], "it is asked for already"


@pytest.mark.parametrize(
    "lacking",
    [
        {"documents": []},
        {"documents": [f"RD{'0' * 32}"]},
        {"losing": LOSING | {"authorized_representative": ""}},
        {"losing": LOSING | {"address": ADDRESS | {"zip": ""}}},
    ],
    ids=["no bill", "a bill that is not there", "no representative", "no ZIP code"],
)
def test_a_port_request_needs_a_bill_a_representative_and_a_full_address(twilio, lacking):
    with pytest.raises(TwilioError):
        twilio.port(**lacking)
    assert twilio.books.ports == {}


def test_a_trunks_domain_is_valid_and_unique(twilio):
    first = twilio.trunk("pp-a.pstn.twilio.com")
    for domain in ("pp-a.pstn.twilio.com", "pp-b.sip.twilio.com", "PP_B.pstn.twilio.com"):
        with pytest.raises(TwilioError):
            twilio.trunk(domain)
    trunks.delete(twilio.books, MAGIC_ACCOUNT, {}, first)
    twilio.trunk("pp-a.pstn.twilio.com")


def test_a_credential_list_cannot_be_deleted_while_a_trunk_uses_it(twilio):
    trunk, logins = twilio.trunk("pp-a.pstn.twilio.com"), twilio.logins()
    form = {"CredentialListSid": logins}
    trunks.attach_credential_list(twilio.books, MAGIC_ACCOUNT, form, trunk)
    with pytest.raises(TwilioError):
        trunks.attach_credential_list(twilio.books, MAGIC_ACCOUNT, form, trunk)
    with pytest.raises(TwilioError):
        credential_lists.delete(twilio.books, MAGIC_ACCOUNT, {}, logins)
    trunks.delete(twilio.books, MAGIC_ACCOUNT, {}, trunk)
    credential_lists.delete(twilio.books, MAGIC_ACCOUNT, {}, logins)
    assert twilio.books.login_lists == {}


def test_a_trunk_forwards_calls_only_to_sip_addresses(twilio):
    trunk = twilio.trunk("pp-a.pstn.twilio.com")
    form = {"Weight": "1", "Priority": "1", "Enabled": "true", "FriendlyName": "x"}
    for wrong in ("", "https://sip.vapi.ai"):
        with pytest.raises(TwilioError):
            trunks.set_origination_url(twilio.books, MAGIC_ACCOUNT, form | {"SipUrl": wrong}, trunk)
    trunks.set_origination_url(
        twilio.books, MAGIC_ACCOUNT, form | {"SipUrl": "sip:+1@c.sip.vapi.ai"}, trunk
    )
    assert len(twilio.books.private[trunk]["urls"]) == 1

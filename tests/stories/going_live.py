"""A clinic whose deployment has every possible step: a fee, an address, a document, a number."""

import base64
from typing import Any

from models.deployment.deployment import Deployment
from models.effects.effect import Effect
from runtime.settings import get_settings
from tests.stand_ins.twilio_stand_in import TwilioStandIn
from tests.stories.deploying import ADDRESS, NUMBER, Deploying
from tests.stories.saving import Saver

FEE = 9_900
HOURS = base64.b64encode(b"Open from nine to five.").decode()
# the objects of a finished deployment at Vapi
ALL_AT_VAPI = {"file": 1, "tool": 1, "assistant": 2, "squad": 1, "phone-number": 1}
ONLY_THE_FILE = {"file": 1}

# the request with which each step creates something: provider, method, path
MAKES = {
    "fee": ("stripe", "POST", "/v1/payment_intents"),
    "charge": ("stripe", "POST", "/v1/payment_intents/*/confirm"),
    "emergency_address": ("twilio", "POST", "/2010-04-01/Accounts/*/Addresses.json"),
    "number": ("twilio", "POST", "/2010-04-01/Accounts/*/IncomingPhoneNumbers.json"),
    "query_tool": ("vapi", "POST", "/tool"),
    "receptionist": ("vapi", "POST", "/assistant"),
    "payments": ("vapi", "POST", "/assistant"),
    "squad": ("vapi", "POST", "/squad"),
    "routing": ("vapi", "POST", "/phone-number"),
}
# the request that deletes it
UNMAKES = {
    "charge": ("stripe", "POST", "/v1/refunds"),
    "emergency_address": ("twilio", "DELETE", "/2010-04-01/Accounts/*/Addresses/*.json"),
    "number": ("twilio", "DELETE", "/2010-04-01/Accounts/*/IncomingPhoneNumbers/*.json"),
    "query_tool": ("vapi", "DELETE", "/tool/*"),
    "receptionist": ("vapi", "DELETE", "/assistant/*"),
    "squad": ("vapi", "DELETE", "/squad/*"),
    "routing": ("vapi", "DELETE", "/phone-number/*"),
}
# the same for the other ways in which calls arrive; shared steps are above
ACCOUNTS = "/2010-04-01/Accounts/*"
MAKES_OF = {
    "sip": {
        "sip_login_list": ("twilio", "POST", f"{ACCOUNTS}/SIP/CredentialLists.json"),
        "sip_login": ("twilio", "POST", f"{ACCOUNTS}/SIP/CredentialLists/*/Credentials.json"),
        "sip_trunk": ("twilio", "POST", "/trunking/v1/Trunks"),
        "sip_access": ("twilio", "POST", "/trunking/v1/Trunks/*/CredentialLists"),
        "sip_known": ("vapi", "POST", "/credential"),
        "sip_routing": ("vapi", "POST", "/phone-number"),
        "sip_origination": ("twilio", "POST", "/trunking/v1/Trunks/*/OriginationUrls"),
        "sip_test_call": ("twilio", "POST", f"{ACCOUNTS}/Calls.json"),
    },
    "ported": {
        "port_document": ("twilio", "POST", "/numbers-upload/v1/Documents"),
        "port_request": ("twilio", "POST", "/numbers/v1/Porting/PortIn"),
        "ported_number": ("twilio", "POST", f"{ACCOUNTS}/IncomingPhoneNumbers/*.json"),
        "routing": ("vapi", "POST", "/phone-number"),
    },
}
UNMAKES_OF = {
    "sip": {
        "sip_login_list": ("twilio", "DELETE", f"{ACCOUNTS}/SIP/CredentialLists/*.json"),
        "sip_trunk": ("twilio", "DELETE", "/trunking/v1/Trunks/*"),
        "sip_known": ("vapi", "DELETE", "/credential/*"),
        "sip_routing": ("vapi", "DELETE", "/phone-number/*"),
    },
    "ported": {"port_request": ("twilio", "DELETE", "/numbers/v1/Porting/PortIn/*")},
}
SECOND_OF_ITS_KIND = {"payments"}  # the receptionist's request comes first


class GoingLive(Deploying):
    """A clinic that pays a fee of 99 dollars with its card at Stripe's stand-in."""

    def __init__(self, client: Any, redis: Any, twilio: TwilioStandIn, voice: Any) -> None:
        super().__init__(client, redis, twilio, voice)
        self.stripe = twilio.stand_in
        self.saver = Saver(client, self.stripe, redis, self.account)
        self.configures(serviceAddress=ADDRESS)
        answer = self.call("POST", "…/knowledge-files", name="hours.txt", contentBase64=HOURS)
        assert answer.status_code in {201, 202}, answer.text
        self.works(2)
        self.saver.has_saved()

    def fault(self, kind: str, asked: tuple[str, str, str], **more: Any) -> None:
        provider, method, path = asked
        self.stripe.sandbox.inject_fault(
            kind=kind, provider=provider, method=method, path=path, **more
        )

    def refuses(self, step: str) -> None:
        """Let the provider refuse the request of `step` for good."""
        skip = 1 if step in SECOND_OF_ITS_KIND else 0
        self.fault("refused_400", MAKES[step], skip=skip)

    def deploys_all(self, rounds: int = 6, **more: Any) -> Any:
        """Deploy, and return the deployment as far as it gets by itself."""
        answer = self.deploys(cost=get_settings().fee[0], **more)
        assert answer.status_code == 202, answer.text
        return self.comes_to_rest(answer.json["id"], rounds)

    def comes_to_rest(self, deployment_id: str, rounds: int = 20) -> Any:
        """Return the deployment once it no longer changes."""
        for _ in range(rounds):
            self.works(2)
            row = Deployment.get_by_id(deployment_id)
            if row.status in {"live", "rolled_back", "failed", "taken_down"}:
                break
        return self.shown(deployment_id)

    def asks(self, what: str, deployment_id: str) -> Any:
        """Request a retry, rollback or take-down."""
        return self.call("POST", f"/api/deployments/{deployment_id}/{what}")

    def at_vapi(self) -> dict[str, int]:
        """Count the objects of each kind at Vapi."""
        tables = self.voice.books.tables
        return {kind: len(rows) for kind, rows in tables.items() if rows}

    @property
    def charges(self) -> list[Any]:
        """Every successful charge."""
        return [one for one in self.stripe.sdk.charges.list().data if one.paid]

    @property
    def intents(self) -> list[Any]:
        """Every PaymentIntent."""
        return list(self.stripe.sdk.payment_intents.list().data)

    @property
    def kept(self) -> int:
        """What the platform has received and not refunded, in minor units."""
        return sum(one.amount - one.amount_refunded for one in self.charges)

    def open_effects(self) -> list[str]:
        """The keys of effects with an unknown outcome."""
        rows = Effect.select().where(Effect.state.not_in(("confirmed", "refused")))
        return [row.key for row in rows]

    def has_one_of_each(self) -> None:
        """Assert that the providers have exactly one of everything, paid for once."""
        assert self.at_vapi() == ALL_AT_VAPI
        assert len(self.twilio.owned()) == 1
        assert len(self.twilio.books.addresses) == 1
        assert (len(self.charges), self.kept) == (1, FEE)
        assert self.open_effects() == []

    def has_nothing(self) -> None:
        """Assert that only the clinic's document is left, and no money is kept."""
        assert self.at_vapi() == ONLY_THE_FILE
        assert self.twilio.owned() == {}
        assert self.twilio.books.addresses == {}
        assert self.kept == 0
        assert self.open_effects() == []
        assert self.line is None


class OtherWay(GoingLive):
    """A clinic whose calls arrive by SIP, or on its own number, ported; days pass while
    it waits.
    """

    def __init__(self, method: str, *parts: Any) -> None:
        super().__init__(*parts)
        self.method = method
        self.makes, self.unmakes = MAKES_OF[method], UNMAKES_OF[method]
        if method == "ported":
            self.configures_port()
        else:
            body = {"clinicNumber": NUMBER, "businessName": "Harbor Dental"}
            assert self.call("PUT", "…/phone/sip", **body).status_code == 200

    def comes_to_rest(self, deployment_id: str, rounds: int = 20) -> Any:
        for _ in range(rounds):
            self.works(2)
            row = Deployment.get_by_id(deployment_id)
            if row.status == "awaiting_port":
                self.looks_at_ports(days=1)
            if row.status in {"live", "rolled_back", "failed", "taken_down"}:
                break
        return self.shown(deployment_id)

    def has_one_of_each(self) -> None:
        """Assert that the providers have exactly one of everything, paid for once."""
        books = self.twilio.books
        assert (len(self.charges), self.kept) == (1, FEE)
        assert self.open_effects() == []
        if self.method == "ported":
            assert self.at_vapi() == ALL_AT_VAPI
            assert (len(books.ports), list(self.twilio.owned())) == (1, [NUMBER])
            return
        assert self.at_vapi() == ALL_AT_VAPI | {"credential": 1}
        assert (len(books.trunks), len(books.login_lists)) == (1, 1)
        (trunk,) = books.trunks
        assert [len(books.private[trunk][kind]) for kind in ("lists", "urls")] == [1, 1]
        assert self.twilio.owned() == {}

    def has_nothing(self) -> None:
        """Assert that only documents are left, no money is kept, and no port is in progress; a
        number that has moved stays.
        """
        books = self.twilio.books
        assert self.at_vapi() == ONLY_THE_FILE
        assert (books.trunks, books.login_lists, self.kept) == ({}, {}, 0)
        assert self.open_effects() == []
        under_way = [row["port_in_request_status"] for row in books.ports.values()]
        assert set(under_way) <= {"Canceled", "Completed"}
        moved = self.line is not None
        assert moved == bool(self.twilio.owned())

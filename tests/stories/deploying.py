"""A clinic that goes live through the API, with the stand-ins of the three providers."""

import base64
from datetime import timedelta
from typing import Any

from actions.deployment.numbers.ports import stage_port_checks
from models.delivery.staged_job import StagedJob
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.transactions import transaction
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.stand_ins.twilio_stand_in import TwilioStandIn

FORWARDED = {"businessName": "Harbor Dental", "clinicNumber": "+12125550123", "areaCode": "212"}
ADDRESS = {
    "line1": "645 Harrison St",
    "city": "San Francisco",
    "state": "CA",
    "postalCode": "94107",
    "country": "US",
}


NUMBER = "+12125550177"  # the number that a clinic ports
BILL = base64.b64encode(b"%PDF-1.7 a bill of the carrier").decode()
PORTED = {
    "phoneNumber": NUMBER,
    "currentCarrier": "Verizon",
    "customerType": "Business",
    "authorizedRepresentative": "Ada Lane",
    "authorizedRepresentativeEmail": "ada@harbor.example",
    "serviceAddress": ADDRESS,
}


class Deploying:
    """A clinic with a configured number and, unless it `owes` one, a verified card."""

    def __init__(self, client: Any, redis: Any, twilio: TwilioStandIn, voice: Any) -> None:
        self.client, self.redis, self.twilio, self.voice = client, redis, twilio, voice
        self.account = given.an_account(name="Harbor Dental")
        self.headers = given.a_key(self.account)

    def another(self) -> "Deploying":
        """Another clinic of the same installation."""
        return Deploying(self.client, self.redis, self.twilio, self.voice)

    def call(self, method: str, path: str, **body: Any) -> Any:
        path = path.replace("…", f"/api/accounts/{self.account.id}")
        return self.client.simulate_request(
            method, path, json=body if method != "GET" else None, headers=self.headers
        )

    def configures(self, **more: Any) -> "Deploying":
        """Save a voice, and forwarding."""
        assert self.call("PUT", "…/voice", provider="vapi", voiceId="Elliot").status_code == 200
        answer = self.call("PUT", "…/phone/forwarded", **FORWARDED | more)
        assert answer.status_code == 200, answer.text
        return self

    def configures_port(self, **more: Any) -> "Deploying":
        """Save everything that a carrier needs for a port, with the bill."""
        bill = self.call("POST", "…/port-documents", name="bill.pdf", contentBase64=BILL)
        assert bill.status_code == 201, bill.text
        body = PORTED | {"documentId": bill.json["id"]} | more
        answer = self.call("PUT", "…/phone/ported", **body)
        assert answer.status_code == 200, answer.text
        return self

    def looks_at_ports(self, days: int = 0) -> None:
        """Run the hourly check of ports; with `days`, let that many pass at Twilio, with a check
        after each.
        """
        for _ in range(max(1, days)):
            if days:
                self.twilio.passes(86_400)
            with transaction():
                stage_port_checks()
            self.works(2)

    def has_card(self) -> "Deploying":
        """Record a verified card directly; saving a card has its own tests."""
        now = real_now()
        with transaction():
            Setup.locked_for(self.account.id, now).record(
                now,
                stripe_customer_id=new_id("cus"),
                stripe_payment_method_id="pm_card_visa",
                payment_method_verified=True,
                payment_method_verified_at=now,
            )
        return self

    def deploys(self, cost: int = 0, **more: Any) -> Any:
        return self.call("POST", "…/deployments", confirmedCost=cost, **more)

    def shown(self, deployment_id: str) -> Any:
        return self.call("GET", f"/api/deployments/{deployment_id}").json

    def works(self, rounds: int = 1) -> "Deploying":
        """Perform everything that is due; in further rounds, also what becomes due later."""
        for _ in range(rounds):
            given.worked(self.redis, "deploys", rounds=80)
            if rounds > 1:
                given.make_due()
                given.relayed(self.redis)
        return self

    def goes_live(self, **more: Any) -> Any:
        """Deploy, and return the live deployment."""
        begun = self.deploys(**more).json
        self.works(4)
        shown = self.shown(begun["id"])
        assert shown["status"] == "live", shown
        return shown

    @property
    def line(self) -> PhoneLine | None:
        return PhoneLine.of(self.account.id)

    @property
    def setup(self) -> Setup:
        return Setup.get_by_id(self.account.id)

    def line_wants(self, number: str) -> None:
        """Let the account's line have chosen a number, as by a worker that then died."""
        now = real_now()
        PhoneLine.create(
            id=new_id("ln"),
            account=self.account,
            e164=number,
            tries=1,
            asked_by="test",
            created_at=now,
            updated_at=now,
        )

    def ages(self, by: timedelta = timedelta(hours=1)) -> None:
        """Make every waiting job due so much earlier."""
        StagedJob.update(due_at=StagedJob.due_at - by / timedelta(microseconds=1)).execute()


def states(shown: Any) -> dict[str, str]:
    """Return the state of each step of a deployment."""
    return {step["name"]: step["state"] for step in shown["steps"]}

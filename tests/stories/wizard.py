"""A clinic that goes through the wizard, in its staff's browser."""

from typing import Any

import falcon.testing

from models.accounts.account import Account
from models.deployment.setup import Setup
from runtime.clock import real_now
from tests import given

ADDRESS = {"line1": "1 Main St", "city": "Washington", "state": "DC", "postalCode": "20001"}
VOICE = {"provider": "11labs", "voiceId": "burt"}
FORWARDED = {"businessName": "Dental Clinic", "clinicNumber": "(202) 555-0123"}
PORTED = {"phoneNumber": "+12025550124", "currentCarrier": "Verizon"}


class Wizard:
    """An account, and the requests of its wizard."""

    def __init__(self, client: falcon.testing.TestClient, account: Account | None = None) -> None:
        self.client, self.account = client, account or given.an_account()
        self.key = given.a_key(self.account)
        self.home = f"/api/accounts/{self.account.id}"

    def ask(self, method: str, path: str = "", **more: Any) -> falcon.testing.Result:
        headers = self.key | more.pop("headers", {})
        return self.client.simulate_request(method, self.home + path, headers=headers, **more)

    def put(self, path: str, body: Any = None) -> falcon.testing.Result:
        return self.ask("PUT", path, json={} if body is None else body)

    def get(self, path: str = "", **params: str) -> falcon.testing.Result:
        return self.ask("GET", path, params=params)

    def post(self, path: str, body: Any = None, **headers: str) -> falcon.testing.Result:
        return self.ask("POST", path, json={} if body is None else body, headers=headers)

    @property
    def review(self) -> Any:
        """The account as shown on its review page."""
        answer = self.get()
        assert answer.status_code == 200, answer.text
        return answer.json

    def has_its_noon_now(self) -> "Wizard":
        """Set the clinic's time zone so that it is noon there, because its day must not end while a
        test counts.
        """
        self.account.time_zone = f"Etc/GMT{real_now().hour - 12:+d}"  # with inverted signs
        self.account.save()
        return self

    @property
    def setup(self) -> Setup:
        return Setup.get_by_id(self.account.id)

    def pays(self, **values: Any) -> None:
        """Record a verified card."""
        now = real_now()
        Setup.locked_for(self.account.id, now).record(
            now,
            **{
                "stripe_payment_method_id": f"pm_{self.account.id[-8:]}",
                "payment_method_verified": True,
                "payment_method_verified_at": now,
                "card": {"brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2030},
            }
            | values,
        )

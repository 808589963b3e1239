"""A clinic that connects its calendar and its practice's software, through its staff's browser."""

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import falcon.testing
import httpx

from models.feed.outgoing_event import OutgoingEvent
from models.integrations.integration import Integration
from sandbox.integrations.authorization import Authorization
from tests import given
from tests.stand_ins.stand_in import StandIn
from tests.stories.wizard import Wizard

PUBLIC_URL = "https://pay.example.com"
GOOGLE = {"GOOGLE_CLIENT_ID": "ours.apps.example", "GOOGLE_CLIENT_SECRET": "GOCSPX-ours"}
DEVELOPER_KEY, CUSTOMER_KEY = "odd_abcdefghijklmnop1", "odc_abcdefghijklmnop1"
API_KEY = "nxh_abcdefghijklmnop1"
KEYS = {
    "open_dental": {"customerKey": CUSTOMER_KEY},
    "nexhealth": {"apiKey": API_KEY, "subdomain": "bright-smile", "locationId": "21241"},
}
PRACTICE = """
[[provider]]
name = "dentos"
title = "DentOS"
authorize = "{url}/oauth/authorize"
token = "{url}/oauth/token"
revoke = "{url}/oauth/revoke"
verify = "{url}/oauth/me"
scopes = ["schedule.read"]
client_id = "ours"
client_secret = "secret of ours"
"""


class Connecting(Wizard):
    """A clinic, and the services that it connects."""

    def __init__(self, client: falcon.testing.TestClient, stand_in: StandIn, redis: Any) -> None:
        super().__init__(client)
        self.stand_in, self.redis = stand_in, redis
        self.world = stand_in.sandbox.integrations
        self.practice = self.world.practice
        self.world.google.clients[GOOGLE["GOOGLE_CLIENT_ID"]] = GOOGLE["GOOGLE_CLIENT_SECRET"]
        self.world.oauth.clients["ours"] = "secret of ours"
        self.practice.key_pairs.add(f"{DEVELOPER_KEY}/{CUSTOMER_KEY}")
        self.practice.api_keys.add(API_KEY)

    def server(self, provider: str) -> Authorization:
        return self.world.google if provider == "google" else self.world.oauth

    def asks_for_consent(self, provider: str = "google") -> str:
        """Return the URL of the provider's consent page."""
        answer = self.post(f"/integrations/{provider}/authorize")
        assert answer.status_code == 200, answer.text
        return str(answer.json["url"])

    def consents(self, url: str) -> str:
        """Open the consent page, and return the URL that it redirects the browser to."""
        answer = httpx.get(url, timeout=120)
        assert answer.status_code == 302, answer.text
        back = answer.headers["Location"]
        assert back.startswith(f"{PUBLIC_URL}/api/oauth/callback?")
        return str(back)

    def comes_back(self, address: str, **changed: str) -> falcon.testing.Result:
        """Open the redirect URL without an API key, and confirm that the clinic named there is the
        right one.
        """
        page = self.opens(address, **changed)
        form = self.form_of(page)
        return self.says_yes(form) if form else page

    def form_of(self, page: falcon.testing.Result) -> dict[str, str]:
        """Return the fields of the page's form; empty if it has none."""
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        return {name: html.unescape(value) for name, value in form.items()}

    def opens(self, address: str, **changed: str) -> falcon.testing.Result:
        """Open the redirect URL."""
        params = dict(parse_qsl(urlsplit(address).query)) | changed
        return self.client.simulate_get("/api/oauth/callback", params=params)

    def says_yes(self, form: dict[str, str]) -> falcon.testing.Result:
        """Send the page's form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.simulate_post("/api/oauth/callback", body=urlencode(form), headers=kind)

    def connects(self, provider: str = "google") -> Integration:
        """Connect a provider, all steps, and return the row."""
        if provider in KEYS:
            answer = self.post(f"/integrations/{provider}/connect", KEYS[provider])
        else:
            answer = self.comes_back(self.consents(self.asks_for_consent(provider)))
        assert answer.status_code == 200, answer.text
        return self.row(provider)

    def row(self, provider: str = "google") -> Integration:
        found = Integration.of(self.account.id, provider)
        assert found is not None
        return found

    def shown(self, provider: str = "google") -> dict[str, Any]:
        (found,) = [
            row for row in self.get("/integrations").json["data"] if row["provider"] == provider
        ]
        return dict(found)

    def works(self, rounds: int = 0) -> None:
        """Relay and perform what is due, and retry what has failed."""
        given.relayed(self.redis)
        for queue in ("periodic", "deploys"):
            given.worked(self.redis, queue)
            given.retried(self.redis, queue, rounds)

    def asked(self, provider: str, path: str) -> list[dict[str, Any]]:
        """Every request to a provider for this path."""
        return self.world.shared.requests.select({"provider": provider, "path": path})

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """The events for the clinic's own software."""
        return [(row.type, row.payload) for row in OutgoingEvent.select()]

    def fault(self, kind: str, provider: str, path: str, **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(kind=kind, provider=provider, path=path, **more)

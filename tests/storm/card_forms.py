"""Cards that staff type into the card form in a storm, and the rules about them, checked against
Stripe: a card typed once pays at most once, and the page reports the true outcome.
"""

import html
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from tests.storm.client import Json
from tests.storm.evidence import Evidence
from tests.storm.load import DECLINED, DISPUTED, NO_FUNDS, VISA, Actor, Bill
from tests.storm.town import PUBLISHABLE_KEY

THREE_D_SECURE = "4000000000003220"
CARDS = (VISA,) * 6 + (DECLINED, NO_FUNDS, DISPUTED) + (THREE_D_SECURE,) * 2
# codes after which the page posts the same card again
AGAIN = frozenset({"unavailable", "outcome_unknown", "conflict", "internal", "rate_limited"})
TRIES, LOOKS, PAUSE = 5, 20, 0.7  # per page; PAUSE in seconds
CLOSES_AFTER = (0.02, 0.1, 0.4)  # seconds after the card was sent
UNTOLD = frozenset({"", "processing"})
ODD = {500, 501, 504}


class Desks(Actor):
    """Staff with a customer on the phone: they type a card, press the button twice, use two windows
    or close the page before it is answered; some customers authenticate late.
    """

    pause = 0.8
    steps = (("type", 8), ("press_twice", 4), ("two_windows", 3), ("close", 3), ("authenticate", 3))

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.http = httpx.Client(base_url=self.world.town.url, timeout=15, trust_env=False)

    def type(self) -> None:
        for path, card in self._typed(1):
            self._pay(path, card)

    def press_twice(self) -> None:
        for path, card in self._typed(1):
            self._at_once([(path, card)] * 2)

    def two_windows(self) -> None:
        self._at_once(self._typed(2))

    def close(self) -> None:
        """Close the page before it has an answer."""
        for path, card in self._typed(1):
            with suppress(httpx.HTTPError):
                self.http.post(path, json=card["body"], timeout=self.dice.choice(CLOSES_AFTER))

    def authenticate(self) -> None:
        """A customer approves in their bank's app a payment that was abandoned at the desk."""
        typed = {card["body"]["paymentMethodId"] for card in self.records.cards[-20:]}
        for account in {clinic.stripe_account for clinic in self.world.clinics}:
            for intent in self.stand_in.every("payment_intents", account):
                if intent["status"] == "requires_action" and intent["payment_method"] in typed:
                    self.stand_in.act(intent["id"], "authenticate")

    def _typed(self, times: int) -> list[tuple[str, Json]]:
        """Return `times` cards for one invoice, each typed into its own form; leave out forms that
        failed.
        """
        bill = self.bill()
        found = [self._type_one(bill) for _ in range(times)] if bill else []
        return [one for one in found if one is not None]

    def _type_one(self, bill: Bill) -> tuple[str, Json] | None:
        path = f"/api/invoices/{bill.id}/card-forms"
        form = self.ask("card form", bill.clinic, path, {}, invoice=bill.id)
        if not form.accepted:
            return None
        url = urlsplit(form.answer["url"]).path
        owed = self._owed(url)
        number = self.dice.choice(CARDS)
        made = self._in_stripes_frame(number, bill.clinic.stripe_account)
        if not (made and owed):
            return None
        part = owed // 2 if self.dice.random() < 0.25 and owed > 500 else owed
        card: Json = {"invoice": bill.id, "said": []}
        card["body"] = {"paymentMethodId": made["id"], "amount": part}
        self.records.cards.append(card)
        return url, card

    def _in_stripes_frame(self, number: str, account: str) -> Json:
        """Return the card as Stripe's frame stores it, or {} if a fault struck."""
        url = self.world.town.stand_in
        headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}", "Origin": url}
        headers |= {"Stripe-Account": account} if account else {}
        card = {"type": "card", "card[number]": number, "card[cvc]": "123"}
        card |= {"card[exp_month]": "12", "card[exp_year]": "2099"}
        answer = self.http.post(f"{url}/v1/payment_methods", data=card, headers=headers)
        return dict(answer.json()) if answer.is_success else {}

    def _owed(self, url: str) -> int:
        """Return the outstanding amount that the page shows, or 0 if it shows no form."""
        with suppress(httpx.HTTPError):
            found = re.search(r'data-config="([^"]*)"', self.http.get(url).text)
            return int(json.loads(html.unescape(found[1]))["outstanding"]) if found else 0
        return 0

    def _at_once(self, cards: list[tuple[str, Json]]) -> None:
        if cards:
            with ThreadPoolExecutor(len(cards)) as hands:
                list(hands.map(lambda one: self._pay(*one), cards))

    def _pay(self, path: str, card: Json) -> None:
        """Do what the page's script does: post the same card until it is answered, then poll the
        outcome.
        """
        said: Json = {}
        for tried in range(TRIES):
            time.sleep(PAUSE * tried)
            said = self._send("POST", path, card["body"])
            if said:
                break
        for _ in range(LOOKS if said.get("status") == "processing" else 0):
            time.sleep(PAUSE)
            said = self._send("GET", f"{path}/charges/{said['charge']}") or said
            if said.get("status") != "processing":
                break
        card["said"].append(said.get("code") or said.get("status", ""))

    def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the answer, or {} if the page should ask again."""
        try:
            answer = self.http.request(method, path, json=body)
            said = dict(answer.json())
        except (httpx.HTTPError, ValueError):
            return {}
        if answer.status_code in ODD:
            self.records.problems.append(f"a card form was answered {answer.text[:300]}")
        if said.get("accepted"):
            return {"status": "processing", "charge": said["location"].rpartition("/")[2]}
        return {} if said.get("code") in AGAIN else said


def typed_cards(evidence: Evidence) -> Iterator[str]:
    """A card typed into a form pays at most once, and only the typed amount for that invoice. It
    has paid if the page reported success, and has not if the page reported a refusal.
    """
    paid: dict[str, list[Json]] = defaultdict(list)
    for intent in evidence.intents:
        if intent["amount_received"]:
            paid[intent.get("payment_method", "")].append(intent)
    for card in evidence.cards:
        name, wish = card["body"]["paymentMethodId"], (card["invoice"], card["body"]["amount"])
        took = [
            (intent["metadata"].get("invoice_id"), intent["amount_received"])
            for intent in paid[name]
        ]
        if len(took) > 1:
            yield f"card {name} was typed once and has paid {len(took)} times: {took}"
        elif took not in ([], [wish]):
            yield f"card {name} was typed for {wish}, and has paid {took}"
        for word in {*card["said"]} - UNTOLD:
            if (word == "succeeded") != bool(took):
                yield f"the form said {word!r} of card {name}, and Stripe took {took}"


CARD_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (typed_cards,)

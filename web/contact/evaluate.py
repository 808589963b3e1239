"""`POST /api/compliance/evaluate`: what the contact gate would answer, and why."""

from datetime import datetime
from typing import Literal, Self

import falcon

from actions.contact.evaluate import Evaluation, evaluate
from actions.invoices.invoices import find_invoice
from rules.contact.facts import Allowed, Refused
from rules.contact.policy import BY_ID
from runtime.clock import business_now
from web.contact.responses import ChannelName
from web.http.body import Body, check, read_json
from web.http.fields import Id, Moment, Phone
from web.http.guards.auth import caller_of
from web.http.responses import Shown
from web.openapi.openapi import documented


class Question(Body):
    """Whom to contact (about which invoice), over which channel, at `phone` or the customer's own
    number; now, or at another time (`at`), as far as can be known now. A `collection` goes beyond a
    friendly `reminder`.
    """

    invoice_id: Id
    channel: ChannelName
    phone: Phone | None = None
    at: Moment | None = None
    purpose: Literal["reminder", "collection"] = "reminder"


class RuleShown(Shown):
    """An entry of the policy."""

    id: str
    what: str
    source: str
    certainty: Literal["high", "medium", "low"]

    @classmethod
    def named(cls, rule_id: str) -> Self | None:
        """The policy's rule with this id; None if it has no such rule."""
        rule = BY_ID.get(rule_id)
        return cls.of(rule) if rule is not None else None


class ReasonShown(Shown):
    """A reason against contacting the customer, and when it ends by itself."""

    reason_code: str
    reason: str
    holds_until: datetime | None
    rule: RuleShown | None


class EvaluationShown(Shown):
    """The gate's answer. `until` is when a permission ends; `nextAllowedAt` when a refusal would,
    null if waiting does not help. `reasons` are all of them, the weightiest first; `timeZones` and
    `states` are where the customer may be and live.
    """

    invoice_id: str
    customer_id: str
    channel: ChannelName
    phone: str | None
    at: datetime
    allowed: bool
    until: datetime | None
    reason_code: str | None
    reason: str | None
    rule: RuleShown | None
    next_allowed_at: datetime | None
    reasons: list[ReasonShown]
    time_zones: list[str]
    states: list[str]

    @classmethod
    def of_evaluation(cls, found: Evaluation, invoice_id: str, customer_id: str) -> Self:
        """The answer about an evaluation."""
        answer, person = found.answer, found.facts.person
        refused = answer if isinstance(answer, Refused) else None
        return cls(
            invoice_id=invoice_id,
            customer_id=customer_id,
            channel=found.facts.channel,
            phone=person.phone or None,
            at=found.at,
            allowed=refused is None,
            until=answer.until if isinstance(answer, Allowed) else None,
            reason_code=refused.code if refused else None,
            reason=refused.reason if refused else None,
            rule=RuleShown.named(refused.rule) if refused else None,
            next_allowed_at=refused.next_at if refused else None,
            reasons=[
                ReasonShown(
                    reason_code=one.code,
                    reason=one.reason,
                    holds_until=one.next_at,
                    rule=RuleShown.named(one.rule),
                )
                for one in found.reasons
            ],
            time_zones=list(person.zones),
            states=list(person.places.states),
        )


class Evaluations:
    """`/api/compliance/evaluate`"""

    @documented("Contact", {200: EvaluationShown}, body=Question)
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask the contact gate, without contacting anyone: nothing is reserved or stored."""
        wanted = check(Question, read_json(req))
        invoice = find_invoice(caller_of(req).own, wanted.invoice_id)
        phone = wanted.phone or invoice.customer.preferred_phone
        found = evaluate(
            invoice, phone, wanted.channel, wanted.at or business_now(), wanted.purpose
        )
        resp.media = EvaluationShown.of_evaluation(
            found, invoice.id, invoice.customer_id
        ).document()

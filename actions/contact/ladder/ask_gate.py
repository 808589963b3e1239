"""Ask the gate about a customer with several invoices: about which of them may they be
contacted?
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from actions.calling.caller_line import caller_line
from actions.calling.request_call import pending_call
from actions.contact.gate_facts import load_gate_facts
from actions.contact.ladder.debtor import Debtor
from actions.contact.request_text import KIND
from models.contact.message import Message
from models.contact.message_template import template_for
from models.contact.promise import Promise
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from rules.contact.facts import Allowed, Refused
from rules.contact.gate import NOT_CHECKED, decide
from rules.contact.ladder import MOST_NAMED, OF_ONE_DEBT, Rung
from rules.contact.offers import is_offer
from rules.contact.policy import Channel
from rules.money import unchargeable
from runtime.clock import real_now
from runtime.errors import Refused as CannotCall

PROMISED = Refused("promised", "What is overdue has been promised, or is disputed.")
ON_ITS_WAY = Refused(
    "text_on_its_way",
    "A text to the person is on its way, or it is not known yet whether it was sent.",
)


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The invoices that may be named, and why the others may not. `unchecked`: they may be named
    once the number has been looked up, which is all that is missing.
    """

    invoices: tuple[Invoice, ...]
    reason: Refused | None
    unchecked: Refused | None = None

    @property
    def refused(self) -> Refused | None:
        """Why the customer may not be contacted now, or None if they may be, about some
        invoices.
        """
        return self.unchecked or (None if self.invoices else self.reason)


def is_by_hand(debtor: Debtor, rung: Rung) -> bool:
    """Whether staff make the contact, not the system."""
    return debtor.channel(rung) == "voice" and debtor.settings.calling == "manual"


def ask_gate(debtor: Debtor, rung: Rung, invoices: Sequence[Invoice]) -> GateAnswer:
    """Ask the gate about contacting the customer for these of their locked invoices, longest due
    first.

    A reason that concerns one debt leaves the others. A number that needs a lookup holds back all,
    even if another reason is over sooner, because nothing else would have it looked up. Once as
    many are allowed as a text names, the rest is included without asking: jobs that mention them
    ask again.
    """
    if rung.way == "person":
        return _for_staff(invoices)
    channel = debtor.channel(rung)
    no_call = _no_call(debtor, invoices) if channel == "voice" else None
    if no_call is not None and not is_by_hand(debtor, rung):
        return GateAnswer((), no_call)
    offers = channel == "sms" and _offers(rung, debtor.customer, len(invoices) > 1)
    allowed: list[Invoice] = []
    reasons: list[Refused] = []
    unchecked: Refused | None = None
    for invoice in invoices:
        if len(allowed) >= MOST_NAMED:
            allowed.append(invoice)
            continue
        answer = _answer(debtor, invoice, channel, rung, offers)
        if isinstance(answer, Allowed) or answer.code == NOT_CHECKED:
            allowed.append(invoice)
            unchecked = answer if isinstance(answer, Refused) else unchecked
            continue
        reasons.append(answer)
        if answer.code not in OF_ONE_DEBT:
            break
    if allowed and Message.is_pending_for(debtor.customer.id, KIND):
        return GateAnswer((), ON_ITS_WAY)
    return GateAnswer(tuple(allowed), _soonest_over(reasons) if reasons else None, unchecked)


def _for_staff(invoices: Sequence[Invoice]) -> GateAnswer:
    """Hand over to staff what is neither promised nor disputed."""
    left = tuple(one for one in invoices if not one.disputed and Promise.of(one.id) is None)
    return GateAnswer(left, None if len(left) == len(invoices) else PROMISED)


def _answer(
    debtor: Debtor, invoice: Invoice, channel: Channel, rung: Rung, offers: bool
) -> Allowed | Refused:
    """The gate's answer about one invoice, or what else prevents a text about it. The latter comes
    before a lookup, which would be wasted.
    """
    customer = debtor.customer
    facts = load_gate_facts(
        invoice,
        customer,
        customer.preferred_phone,
        channel,
        debtor.now,
        real_now(),
        offers,
        rung.purpose,
    ).facts
    artificial = not is_by_hand(debtor, rung)
    answer = decide(replace(facts, artificial_voice=artificial), debtor.now)
    if channel == "voice" or (isinstance(answer, Refused) and answer.code != NOT_CHECKED):
        return answer
    why = unchargeable(invoice.outstanding, invoice.currency)
    if why:
        return Refused("payment_refused", f"What is owed cannot be paid by card: {why}.")
    return answer


def _no_call(debtor: Debtor, invoices: Sequence[Invoice]) -> Refused | None:
    """Why the assistant cannot call, whatever the gate says, or None if it can."""
    if caller_line(debtor.account.id) is None:
        return Refused("no_caller_number", "The account has no live number to call from.")
    try:
        pending_call(invoices, debtor.customer)
    except CannotCall as error:
        return Refused(error.code, error.detail)
    return None


def _offers(rung: Rung, customer: Customer, several: bool) -> bool:
    """Whether the text's words are an offer."""
    kinds = [rung.template or KIND, *(["payment_links"] * several)]
    return any(
        is_offer(template_for(customer.account_id, kind, customer.language)[0]) for kind in kinds
    )


def _soonest_over(reasons: Sequence[Refused]) -> Refused:
    """The reason that is over first. A reason without an end is returned only if all are."""
    timed = [(one.next_at, place) for place, one in enumerate(reasons) if one.next_at is not None]
    return reasons[min(timed)[1] if timed else 0]

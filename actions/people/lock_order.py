"""Lock several customers in one transaction, in the order used by every decision about one of them:
invoices, customers, phones, switches, ceilings. Keeping to one order avoids deadlocks.
"""

from collections.abc import Iterable

from actions.contact.gate_facts import CEILINGS
from models.accounts.account import Account
from models.contact.hold import customer_key
from models.contact.message import Message
from models.contact.opt_out import person_key
from models.effects.daily_limit import ceiling_key
from models.effects.pause_switch import share_switches
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import serialize_on
from rules.invoice_fold import UNPAID


def lock_people(
    account: Account, customer_ids: Iterable[str], *invoice_ids: str, phone: str = ""
) -> None:
    """Lock all that contacting these customers of an account needs, and these invoices, before
    anything is decided about the first customer. `phone` is a further number to lock.
    """
    people = list(
        Customer.select().where(Customer.id << sorted(set(customer_ids))).order_by(Customer.id)
    )
    unpaid = Invoice.select(Invoice.id).where(
        Invoice.account == account.id,
        Invoice.customer << [person.id for person in people],
        Invoice.status << UNPAID,
    )
    Invoice.locked_with_accounts(sorted({*invoice_ids, *(row.id for row in unpaid)}))
    phones = sorted({phone, *(person.preferred_phone for person in people)} - {""})
    _take(*(customer_key(person.id) for person in people), *map(person_key, phones))
    share_switches()
    _take(*(ceiling_key(account.id, each) for each in CEILINGS))


def lock_people_at(phone: str, accounts: Iterable[str]) -> None:
    """Lock the customers who have this phone at these accounts or were ever texted there, before
    anything that a text from it says is recorded.
    """
    texts = list(
        Message.select(Message.account, Message.customer).where(Message.to == phone).distinct()
    )
    account_ids = {*accounts, *(row.account_id for row in texts)}
    known = Customer.at_phone(phone, account_ids)
    ids = {row.customer_id for row in texts} | {row.id for row in known}
    _take(*map(customer_key, sorted(ids)))


def _take(*keys: str) -> None:
    """Lock the keys one by one: there may be more than fit into one statement."""
    for key in keys:
        serialize_on(key)

"""An account's customers: find, create, change."""

from typing import Any

from actions.contact.holds import record_contact_request
from actions.contact.opt_out.carry_opt_outs import carry_opt_outs, lock_numbers_of
from actions.payments.bind_stripe_customer import lock_stripe_customer
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.contact.hold import customer_key
from models.invoices.customer import Customer
from models.transactions import serialize_on, transaction
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id


def find_customer(account: Account, customer_id: str) -> Customer:
    """Return the account's own customer. Raises Refused `not_found`."""
    own = (Customer.id == customer_id) & (Customer.account == account)
    customer: Customer | None = Customer.get_or_none(own)
    if customer is None:
        raise Refused("not_found", f"There is no customer {customer_id[:40]}.")
    return customer


def create_customer(account: Account, values: dict[str, Any], vouched: bool) -> Customer:
    """Create a customer from the columns in `values`. `vouched`: an operator vouches for the Stripe
    customer it is bound to.

    Raises Refused `already_exists`.
    """
    now = real_now()
    with transaction():
        _check_free(account, values)
        customer: Customer = Customer.create(
            id=new_id("cu"),
            account=account,
            created_at=now,
            updated_at=now,
            stripe_vouched=vouched,
            **values,
        )
    return customer


def change_customer(
    customer: Customer, values: dict[str, Any], vouched: bool, actor: str
) -> Customer:
    """Change the columns in `values`. A new phone number voids the consents for the old one; the
    customer's opt-outs apply to it too. The audit names what changed, without the values. Raises
    Refused `already_exists`.

    Holds the customer's lock, so that no contact decision sees half of the change.
    """
    now = real_now()
    if "stripe_customer_id" in values:
        values = values | {"stripe_vouched": vouched}
    with transaction():
        serialize_on(customer_key(customer.id))
        customer = find_customer(customer.account, customer.id)
        phone: str | None = values.get("phone", customer.phone)
        has_moved = phone != customer.phone
        numbers = lock_numbers_of(customer, phone) if has_moved else set()
        if "contact_request" in values:
            record_contact_request(customer, values["contact_request"], actor)
        _check_free(customer.account, values, customer.id)
        Customer.update(**values, updated_at=now).where(Customer.id == customer.id).execute()
        changed = sorted(name for name in values if getattr(customer, name) != values[name])
        if changed:
            about = f"customer:{customer.id}", customer.account_id
            AuditEntry.record(actor, "customer.changed", *about, changed=changed)
        if has_moved and customer.phone:
            Consent.void(customer.id, customer.phone, "the customer's number was changed", now)
        if has_moved and phone:
            carry_opt_outs(customer, numbers, phone, actor)
        ContactCourse.recheck_customer(customer.id)
    return find_customer(customer.account, customer.id)


def _check_free(account: Account, values: dict[str, Any], customer_id: str = "") -> None:
    """Raises Refused if a customer other than `customer_id` has this external id, or a customer of
    another account has the Stripe customer.
    """
    external_id = values.get("external_id")
    same = (
        (Customer.account == account)
        & (Customer.external_id == external_id)
        & (Customer.id != customer_id)
    )
    if external_id is not None and Customer.select().where(same).exists():
        raise Refused("already_exists", f"There is a customer with externalId {external_id}.")
    if values.get("stripe_customer_id"):
        lock_stripe_customer(account, values["stripe_customer_id"])

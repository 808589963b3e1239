"""Customers: none of their fields is unique."""

from sandbox.stripe import payment_methods
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.lists import newest_first, page

SHOWN = (
    "email",
    "name",
    "phone",
    "description",
    "address",
    "shipping",
    "preferred_locales",
    "tax_exempt",
    "balance",
)


def create(account: Account, params: Json) -> Json:
    """``POST /v1/customers``."""
    customer = account.new("customer", **{name: params[name] for name in SHOWN if name in params})
    customer["metadata"] = merged({}, params.get("metadata"))
    customer["invoice_prefix"] = account.shared.ids.token(8).upper()
    customer["invoice_settings"] |= params.get("invoice_settings", {})
    if params.get("payment_method"):
        payment_methods.attach(account, {"customer": customer["id"]}, params["payment_method"])
    account.emit("customer.created", customer)
    return customer


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/customers/{id}``; a default payment method must be attached to it."""
    customer = account.get("customer", id)
    changes = {name: params[name] or None for name in SHOWN if name in params}
    given = params.get("invoice_settings", {})
    _check_default(account, id, given.get("default_payment_method"))
    settings = {**customer["invoice_settings"], **given}
    metadata = merged(customer["metadata"], params.get("metadata"))
    return account.change(
        customer, "customer.updated", **changes, metadata=metadata, invoice_settings=settings
    )


def _check_default(account: Account, customer: str, method: str | None) -> None:
    """Refuse a default payment method that is not attached to the customer."""
    param = "invoice_settings[default_payment_method]"
    if method and account.get("payment_method", method, param)["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {method}. The payment method"
            " must be attached to the customer.",
            code="resource_missing",
            param=param,
        )


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/customers/{id}``; a deleted customer is returned as such."""
    if account.secret(id).get("deleted"):
        return {"id": id, "object": "customer", "deleted": True}
    return account.get("customer", id)


def delete(account: Account, params: Json, id: str) -> Json:
    """``DELETE /v1/customers/{id}``; its payment methods are detached."""
    customer = account.get("customer", id)
    for method in account.each("payment_method", customer=id):
        method["customer"] = None
        account.secret(method["id"])["spent"] = True
    account.emit("customer.deleted", customer)
    del account.tables["customer"][id]
    account.secret(id)["deleted"] = True
    return retrieve(account, params, id)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/customers``."""
    return page("/v1/customers", newest_first(account, "customer", params), params)

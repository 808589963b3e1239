"""Customers: none of their fields is unique."""

from sandbox.stripe import payment_methods
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json
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
    """``POST /v1/customers/{id}``; a default payment method must exist."""
    customer = account.get("customer", id)
    changes = {name: params[name] or None for name in SHOWN if name in params}
    settings = {**customer["invoice_settings"], **params.get("invoice_settings", {})}
    if settings["default_payment_method"]:
        account.get(
            "payment_method",
            settings["default_payment_method"],
            "invoice_settings[default_payment_method]",
        )
    metadata = merged(customer["metadata"], params.get("metadata"))
    return account.change(
        customer, "customer.updated", **changes, metadata=metadata, invoice_settings=settings
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

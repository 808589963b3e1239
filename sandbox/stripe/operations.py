"""The table of operations: method, path, the SDK's parameters class, function."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe import (
    accounts,
    balance,
    catalog,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    payment_intents,
    payment_links,
    payment_methods,
    refunds,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.errors import Json

SESSIONS = "checkout/sessions"
TABLE: tuple[tuple[str, str, str, Callable[..., Json]], ...] = (
    ("POST", "customers", "CustomerCreateParams", customers.create),
    ("GET", "customers", "CustomerListParams", customers.index),
    ("GET", "customers/{}", "CustomerRetrieveParams", customers.retrieve),
    ("POST", "customers/{}", "CustomerUpdateParams", customers.update),
    ("DELETE", "customers/{}", "CustomerDeleteParams", customers.delete),
    (
        "GET",
        "customers/{}/payment_methods",
        "CustomerPaymentMethodListParams",
        payment_methods.index_of_customer,
    ),
    ("POST", "payment_methods", "PaymentMethodCreateParams", payment_methods.create),
    ("GET", "payment_methods", "PaymentMethodListParams", payment_methods.index),
    ("GET", "payment_methods/{}", "PaymentMethodRetrieveParams", payment_methods.retrieve),
    ("POST", "payment_methods/{}", "PaymentMethodUpdateParams", payment_methods.update),
    ("POST", "payment_methods/{}/attach", "PaymentMethodAttachParams", payment_methods.attach),
    ("POST", "payment_methods/{}/detach", "PaymentMethodDetachParams", payment_methods.detach),
    ("POST", "payment_intents", "PaymentIntentCreateParams", payment_intents.create),
    ("GET", "payment_intents", "PaymentIntentListParams", payment_intents.index),
    ("GET", "payment_intents/{}", "PaymentIntentRetrieveParams", payment_intents.retrieve),
    ("POST", "payment_intents/{}", "PaymentIntentUpdateParams", payment_intents.update),
    ("POST", "payment_intents/{}/confirm", "PaymentIntentConfirmParams", payment_intents.confirm),
    ("POST", "payment_intents/{}/capture", "PaymentIntentCaptureParams", payment_intents.capture),
    ("POST", "payment_intents/{}/cancel", "PaymentIntentCancelParams", payment_intents.cancel),
    ("POST", "setup_intents", "SetupIntentCreateParams", setup_intents.create),
    ("GET", "setup_intents", "SetupIntentListParams", setup_intents.index),
    ("GET", "setup_intents/{}", "SetupIntentRetrieveParams", setup_intents.retrieve),
    ("POST", "setup_intents/{}", "SetupIntentUpdateParams", setup_intents.update),
    ("POST", "setup_intents/{}/confirm", "SetupIntentConfirmParams", setup_intents.confirm),
    ("POST", "setup_intents/{}/cancel", "SetupIntentCancelParams", setup_intents.cancel),
    ("GET", "charges", "ChargeListParams", charges.index),
    ("GET", "charges/{}", "ChargeRetrieveParams", charges.retrieve),
    ("POST", "charges/{}", "ChargeUpdateParams", charges.update),
    ("GET", "balance_transactions", "BalanceTransactionListParams", balance.index),
    ("GET", "balance_transactions/{}", "BalanceTransactionRetrieveParams", balance.retrieve),
    ("POST", "products", "ProductCreateParams", catalog.create_product),
    ("GET", "products", "ProductListParams", catalog.index_products),
    ("GET", "products/{}", "ProductRetrieveParams", catalog.retrieve_product),
    ("POST", "prices", "PriceCreateParams", catalog.create_price),
    ("GET", "prices", "PriceListParams", catalog.index_prices),
    ("GET", "prices/{}", "PriceRetrieveParams", catalog.retrieve_price),
    ("POST", "payment_links", "PaymentLinkCreateParams", payment_links.create),
    ("GET", "payment_links", "PaymentLinkListParams", payment_links.index),
    ("GET", "payment_links/{}", "PaymentLinkRetrieveParams", payment_links.retrieve),
    ("POST", "payment_links/{}", "PaymentLinkUpdateParams", payment_links.update),
    (
        "GET",
        "payment_links/{}/line_items",
        "PaymentLinkLineItemListParams",
        payment_links.line_items,
    ),
    ("POST", SESSIONS, "checkout.SessionCreateParams", checkout_sessions.create),
    ("GET", SESSIONS, "checkout.SessionListParams", checkout_sessions.index),
    ("GET", f"{SESSIONS}/{{}}", "checkout.SessionRetrieveParams", checkout_sessions.retrieve),
    ("POST", f"{SESSIONS}/{{}}", "checkout.SessionUpdateParams", checkout_sessions.update),
    ("POST", f"{SESSIONS}/{{}}/expire", "checkout.SessionExpireParams", checkout_sessions.expire),
    (
        "GET",
        f"{SESSIONS}/{{}}/line_items",
        "checkout.SessionLineItemListParams",
        checkout_sessions.line_items,
    ),
    ("POST", "refunds", "RefundCreateParams", refunds.create),
    ("GET", "refunds", "RefundListParams", refunds.index),
    ("GET", "refunds/{}", "RefundRetrieveParams", refunds.retrieve),
    ("POST", "refunds/{}", "RefundUpdateParams", refunds.update),
    ("POST", "refunds/{}/cancel", "RefundCancelParams", refunds.cancel),
    ("GET", "disputes", "DisputeListParams", disputes.index),
    ("GET", "disputes/{}", "DisputeRetrieveParams", disputes.retrieve),
    ("POST", "disputes/{}", "DisputeUpdateParams", disputes.update),
    ("POST", "disputes/{}/close", "DisputeCloseParams", disputes.close),
    ("GET", "events", "EventListParams", events.index),
    ("GET", "events/{}", "EventRetrieveParams", events.retrieve),
    ("POST", "webhook_endpoints", "WebhookEndpointCreateParams", webhook_endpoints.create),
    ("GET", "webhook_endpoints", "WebhookEndpointListParams", webhook_endpoints.index),
    ("GET", "webhook_endpoints/{}", "WebhookEndpointRetrieveParams", webhook_endpoints.retrieve),
    ("POST", "webhook_endpoints/{}", "WebhookEndpointUpdateParams", webhook_endpoints.update),
    ("DELETE", "webhook_endpoints/{}", "WebhookEndpointDeleteParams", webhook_endpoints.delete),
    ("GET", "account", "AccountRetrieveCurrentParams", accounts.retrieve_current),
    ("POST", "accounts", "AccountCreateParams", accounts.create),
    ("GET", "accounts", "AccountListParams", accounts.index),
    ("GET", "accounts/{}", "AccountRetrieveParams", accounts.retrieve),
    ("POST", "accounts/{}", "AccountUpdateParams", accounts.update),
)


@dataclass(frozen=True)
class Operation:
    """One operation: the class of its parameters, the function, the ids in the path."""

    params_class: str
    perform: Callable[..., Json]
    ids: tuple[str, ...]


def find(method: str, path: str) -> Operation | None:
    """Return the operation at a path, or None."""
    asked = path.removeprefix("/v1/").split("/")
    for row_method, template, params_class, perform in TABLE:
        ids = _matched(template.split("/"), asked) if row_method == method else None
        if ids is not None:
            return Operation(params_class, perform, ids)
    return None


def _matched(template: list[str], asked: list[str]) -> tuple[str, ...] | None:
    """Return the ids in a path if it fits a template, or None."""
    if len(template) != len(asked):
        return None
    pairs = list(zip(template, asked, strict=True))
    if any(part not in ("{}", given) or not given for part, given in pairs):
        return None
    return tuple(given for part, given in pairs if part == "{}")

"""Every endpoint takes dates as text, between 2000 and 2100; an empty filter is refused; a Stripe
account is `acct_…` or null.
"""

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from models.accounts.account import Account
from models.invoices.invoice import Invoice
from tests import given
from web.app import create_app
from web.http.body import Body

NO_DATE = [
    0,
    -1,
    1767225600,
    1767225600.5,
    "0",
    "1767225600",
    "0001-01-01",
    "0026-12-31",
    "1999-12-31",
    "2101-01-01",
    "9999-12-31",
    "2026-02-31",
    "12/31/2026",
    "20261231",
    "",
]


@pytest.fixture
def clinic(client):
    account = given.an_account()
    return client, account, given.a_key(account), given.a_customer(account)


@pytest.mark.parametrize("due", NO_DATE)
def test_an_invalid_due_date_is_refused(clinic, due):
    """Given a mistyped due date, then no invoice is created or changed to be overdue at once."""
    client, account, key, customer = clinic
    body = {"customerId": customer.id, "number": "1", "amountDue": 100, "currency": "usd"}
    answer = client.simulate_post("/api/invoices", json=body | {"dueDate": due}, headers=key)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["field"] == "dueDate"
    assert "2000-01-01 to 2100-12-31 is accepted, as text YYYY-MM-DD" in error["message"]
    assert f"dueDate {error['message']}" in answer.json["detail"]
    assert Invoice.select().count() == 0
    invoice = given.an_invoice(account)
    changed = client.simulate_patch(
        f"/api/invoices/{invoice.id}", json={"dueDate": due}, headers=key
    )
    assert (changed.status_code, changed.json["errors"][0]["field"]) == (422, "dueDate")


@pytest.mark.parametrize("said", [*NO_DATE, "2026-12-31T25:00:00Z", "1999-12-31T23:59:59Z"])
def test_an_invalid_date_of_a_consent_or_payment_is_refused(clinic, said):
    client, account, key, customer = clinic
    words = {"channels": ["sms"], "source": "form", "text": "Yes.", "textVersion": "1"}
    answer = client.simulate_post(
        f"/api/customers/{customer.id}/consents", json=words | {"givenAt": said}, headers=key
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "givenAt")
    invoice = given.an_invoice(account)
    taken = {
        "invoiceId": invoice.id,
        "amount": 100,
        "currency": "usd",
        "method": "cash",
        "reference": "1",
        "receivedAt": said,
    }
    answer = client.simulate_post("/api/payments/upsert", json=taken, headers=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "receivedAt")


def bodies(kind: type[Body] = Body) -> set[type[Body]]:
    return {kind} | {one for child in kind.__subclasses__() for one in bodies(child)}


def formats(schema: Any) -> set[str]:
    """The formats of a schema's own values and lists, but not of the members of objects."""
    if isinstance(schema, list):
        return {each for part in schema for each in formats(part)}
    if not isinstance(schema, dict):
        return set()
    inner = [schema.get(name) for name in ("anyOf", "items", "allOf")]
    return {str(schema.get("format"))} | formats([part for part in inner if part])


def dated_fields() -> list[tuple[str, Any]]:
    create_app()
    found = []
    for body in sorted(bodies(), key=lambda body: body.__name__):
        for name, field in body.model_fields.items():
            whole: Any = Annotated[(field.annotation, *field.metadata, "a field")]
            adapter: Any = TypeAdapter(whole)
            if formats(adapter.json_schema()) & {"date", "date-time"}:
                found.append((f"{body.__name__}.{name}", adapter))
    return found


def test_every_date_field_uses_the_shared_type():
    """Given any body with a date, then the field uses the shared type."""
    fields = dated_fields()
    assert {"NewInvoice.due_date", "NewConsent.given_at"} <= {name for name, _ in fields}
    for name, adapter in fields:
        for value in NO_DATE:
            with pytest.raises(ValidationError, match="is accepted") as refused:
                adapter.validate_python(value)
            assert "value_error" in {error["type"] for error in refused.value.errors()}, name


def test_every_list_endpoint_refuses_an_empty_filter(clinic):
    """Given an empty filter, as after a forgotten id, then it is a 422, not the whole list."""
    client, _, key, _ = clinic
    described = client.simulate_get("/api/openapi.json").json
    asked = [
        (path, parameter["name"])
        for path, methods in described["paths"].items()
        if "{" not in path and "get" in methods
        for parameter in methods["get"].get("parameters", [])
        if parameter["in"] == "query"
    ]
    assert {("/api/invoices", "customerId"), ("/api/payments", "invoiceId")} <= set(asked)
    for path, name in asked:
        for value in ("", "%20", "%00"):
            answer = client.simulate_get(path, query_string=f"{name}={value}", headers=key)
            assert (path, name, answer.status_code) == (path, name, 422), answer.text
            assert (answer.json["errors"][0]["field"], name in answer.json["detail"]) == (
                name,
                True,
            )


def test_a_filter_given_twice_is_refused(clinic):
    client, _, key, customer = clinic
    query = f"customerId={customer.id}&customerId=cu_other"
    answer = client.simulate_get("/api/invoices", query_string=query, headers=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "customerId")


@pytest.mark.parametrize(
    "since", ["1767225600", "0", "yesterday", "1999-12-31", "2026-02-31T00:00:00Z", "2026"]
)
def test_an_invalid_updated_since_is_refused(clinic, since):
    client, _, key, _ = clinic
    answer = client.simulate_get("/api/invoices", params={"updatedSince": since}, headers=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "updatedSince")
    assert "is accepted" in answer.json["detail"]


@pytest.mark.parametrize(
    "since",
    ["2026-01-31", "2026-01-31T09:30:00Z", "2026-01-31 09:30", "2026-01-31T09:30:00 02:00"],
)
def test_updated_since_is_accepted_without_its_plus_sign(clinic, since):
    client, _, key, _ = clinic
    answer = client.simulate_get("/api/invoices", params={"updatedSince": since}, headers=key)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "account",
    ["", "x", "12", "acct_", "acct_1\nX", "acct_1\n", " acct_1", "ACCT_1", "acct_é", "cus_1", 7],
)
def test_an_invalid_stripe_account_id_is_refused(client, account):
    before = Account.select().count()
    answer = client.simulate_post(
        "/api/accounts",
        json={"name": "Harbor Dental", "stripeAccount": account},
        headers=given.a_key(None),
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "stripeAccount")
    assert "acct_" in answer.json["errors"][0]["message"]
    assert Account.select().count() == before


@pytest.mark.parametrize("account", [None, "acct_1032D82eZvKYlo2C"])
def test_a_valid_stripe_account_id_is_stored(client, account):
    answer = client.simulate_post(
        "/api/accounts",
        json={"name": "Harbor Dental", "stripeAccount": account},
        headers=given.a_key(None),
    )
    assert (answer.status_code, answer.json["stripeAccount"]) == (201, account)

"""Schemathesis checks every endpoint against the OpenAPI document: no server error, no undocumented
answer.

Bounded and repeatable: the same examples each time. Half of the cases name rows that exist, so that
they get past the first 404. Drawing a case costs more than sending it, so cases are drawn once for
both databases, whose tests run in one worker.
"""

from contextlib import suppress
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    allow_header_conformance,
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.openapi import from_wsgi

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from rules.payment_merge import PaymentReport
from runtime.clock import real_now
from tests import given as given_rows
from tests.watching.declared import check_declared
from web.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    allow_header_conformance,
]
EXAMPLES = 25  # of each kind, for each endpoint
PARTS = 4  # the endpoints are split among this many workers
# problems that tell of a provider that is down or not configured here, not of a fault of ours
AWAY = {"provider_unavailable", "not_configured"}


class Rows:
    """An account with one row of each kind, and its API key."""

    def __init__(self) -> None:
        self.account = given_rows.an_account()
        self.operator = given_rows.a_key(None)
        self.key = given_rows.a_key(self.account)
        self.ids: dict[str, str] = {}
        self.renew()

    def renew(self) -> None:
        """Create a fresh invoice with a payment, so that earlier examples have no influence."""
        customer = given_rows.a_customer(self.account)
        invoice = given_rows.an_invoice(
            self.account, 10_000, customer=customer, due_date=date(2026, 1, 31)
        )
        Payment.record_report(
            invoice,
            "",
            f"pi_{invoice.id}",
            PaymentReport("succeeded", 4_000, 4_000, "usd"),
            real_now(),
        )
        payment = Payment.get(Payment.invoice == invoice)
        self.ids = {
            "invoice_id": invoice.id,
            "customer_id": customer.id,
            "payment_id": payment.id,
            "account_id": self.account.id,
        }
        self.ids |= {"kind": "payment_link", "language": "en", "channel": "sms"}

    def put_into(self, case: Any) -> None:
        """Put the ids of existing rows into the path, the query and the body."""
        for name in set(case.path_parameters or {}) & self.ids.keys():
            case.path_parameters[name] = self.ids[name]
        snake = {"invoiceId": "invoice_id", "customerId": "customer_id"}
        for place in (case.query, case.body):
            for name in set(place) & snake.keys() if isinstance(place, dict) else ():
                place[name] = self.ids[snake[name]]
        if isinstance(case.body, dict) and "currency" in case.body:
            case.body["currency"] = "usd"


@pytest.fixture
def rows(client) -> Rows:
    return Rows()


@cache
def described() -> tuple[Any, ...]:
    """Return every operation of the document, which is the same for every application."""
    schema = from_wsgi("/api/openapi.json", create_app())
    found = tuple(result.ok() for result in schema.get_all_operations())
    assert len(found) > 20
    return found


@cache
def cases_of(operation: Any, mode: GenerationMode) -> tuple[tuple[Any, bool], ...]:
    """Return the cases for an endpoint, each with whether to name rows that exist."""
    drawn: list[tuple[Any, bool]] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def draw(case: Any, known: bool) -> None:
        drawn.append((case, known))

    with suppress(Unsatisfiable):  # some endpoints take nothing that could be malformed
        draw()
    return tuple(drawn)


@pytest.fixture
def operations(client, rows, stripe_stand_in) -> tuple[Any, ...]:
    return described()


def failures_of(app: Any, operation: Any, rows: Rows, mode: GenerationMode) -> list[str]:
    """Return the first two failures of an endpoint's checks."""
    headers = (
        rows.operator | {"Payphone-Account": rows.account.id}
        if operation.path == "/api/accounts"
        else rows.key
    )
    rows.renew()
    told: list[str] = []
    for case, known in cases_of(operation, mode):
        if known:
            rows.put_into(case)
        case.headers = {
            name: value
            for name, value in (case.headers or {}).items()
            if name.lower() not in {"authorization", "payphone-account"}
        }
        try:
            answer = case.call(headers=headers, app=app)
            check_problem(app, operation, answer)
            if answer.status_code != 503 or answer.json().get("code") not in AWAY:
                case.validate_response(answer, checks=CHECKS)
        except (Exception, BaseExceptionGroup) as error:
            told.append(
                f"{operation.label} {case.as_curl_command()[:400]}\n  {str(error)[:600] or error!r}"
            )
    return told[:2]


def check_problem(app: Any, operation: Any, answer: Any) -> None:
    """Assert that a problem's code is declared."""
    if answer.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        check_declared(app, operation.path, operation.method, answer.status_code, answer.json())


MODES = {"well-formed": GenerationMode.POSITIVE, "malformed": GenerationMode.NEGATIVE}


@pytest.mark.slow
@pytest.mark.timeout(900)  # thousands of requests, on a machine that may be busy
# one worker runs a part on both databases, and draws its cases once
@pytest.mark.parametrize(
    ("mode", "part"),
    [
        pytest.param(
            mode, part, marks=pytest.mark.xdist_group(f"{name}-{part}"), id=f"{name}-{part}"
        )
        for name, mode in MODES.items()
        for part in range(PARTS)
    ],
)
def test_every_answer_is_documented_and_none_is_a_server_error(
    client, operations, rows, mode, part, database_url
):
    asked = operations[part::PARTS]
    told = [line for operation in asked for line in failures_of(client.app, operation, rows, mode)]
    assert told == [], "\n\n".join(told)
    assert Account.select().count() >= 1
    assert ApiKey.select().count() >= 2
    assert Invoice.select().count() >= len(asked)

"""Accounts, customers and invoices over the API: keys, ownership, idempotency, lists, problems."""

import threading

import pytest

from models.delivery.idempotency_key import IdempotencyKey
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import release_connection
from tests import given
from web.http.body import CAP

CUSTOMERS, INVOICES = "/api/customers", "/api/invoices"


@pytest.fixture
def account(client):
    return given.an_account()


@pytest.fixture
def key(account):
    return given.a_key(account)


def an_invoice_of(customer, number="2026-1", **values):
    return {
        "customerId": customer.id,
        "number": number,
        "amountDue": 12_500,
        "currency": "usd",
        "dueDate": "2099-01-31",
    } | values


def problem(answer, status, code):
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    body = answer.json
    assert (body["status"], body["code"]) == (status, code)
    assert {"type", "title", "detail"} <= body.keys()
    return body


def at_once(count, call):
    gate, answers = threading.Barrier(count), []

    def run():
        gate.wait()
        answers.append(call())
        release_connection()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_request_without_a_valid_api_key_is_401(client, account, key):
    for headers in (
        {},
        {"Authorization": "Bearer pp_wrong"},
        {"Authorization": "Basic abc"},
        {"Authorization": "Bearer"},
    ):
        problem(client.simulate_get(CUSTOMERS, headers=headers), 401, "unauthenticated")
    assert client.simulate_get(CUSTOMERS, headers=key).status_code == 200


def test_another_accounts_rows_are_404(client, account, key):
    """Another account's rows are answered 404 like rows that do not exist."""
    mine, theirs = given.an_invoice(account), given.an_invoice(given.an_account(name="Other"))
    assert client.simulate_get(f"{INVOICES}/{mine.id}", headers=key).json["id"] == mine.id
    for path in (
        f"{INVOICES}/{theirs.id}",
        f"{CUSTOMERS}/{theirs.customer_id}",
        f"/api/accounts/{theirs.account_id}",
        f"{INVOICES}/inv_none",
    ):
        problem(client.simulate_get(path, headers=key), 404, "not_found")
    problem(
        client.simulate_patch(f"{INVOICES}/{theirs.id}", json={"notes": "x"}, headers=key),
        404,
        "not_found",
    )
    problem(
        client.simulate_patch(f"{CUSTOMERS}/{theirs.customer_id}", json={"name": "x"}, headers=key),
        404,
        "not_found",
    )
    problem(
        client.simulate_post(INVOICES, json=an_invoice_of(theirs.customer), headers=key),
        404,
        "not_found",
    )
    assert [row["id"] for row in client.simulate_get(INVOICES, headers=key).json["data"]] == [
        mine.id
    ]
    assert given.fresh(theirs).notes == ""


def test_an_operator_key_must_name_an_account(client, account):
    operator, invoice = given.a_key(None), given.an_invoice(account)
    problem(client.simulate_get(INVOICES, headers=operator), 400, "bad_request")
    problem(
        client.simulate_get(INVOICES, headers=operator | {"Payphone-Account": "ac_none"}),
        404,
        "not_found",
    )
    listed = client.simulate_get(
        INVOICES, headers=operator | {"Payphone-Account": account.id}
    ).json["data"]
    assert [row["id"] for row in listed] == [invoice.id]


def test_a_clinics_key_cannot_name_another_account(client, account, key):
    """Given a clinic's key with another account's id in the header, then the request is 404 and
    nothing is done in the key's own account.
    """
    other, mine = given.an_account(), key | {"Payphone-Account": account.id}
    theirs = key | {"Payphone-Account": other.id}
    body = an_invoice_of(given.a_customer(account))
    problem(client.simulate_post(INVOICES, json=body, headers=theirs), 404, "not_found")
    problem(client.simulate_get(INVOICES, headers=theirs), 404, "not_found")
    assert client.simulate_get(INVOICES, headers=mine).json["data"] == []


def test_the_same_idempotency_key_and_body_replay_the_first_response(client, account, key):
    headers = key | {"Idempotency-Key": "k1"}
    body = an_invoice_of(given.a_customer(account))
    first, again = (client.simulate_post(INVOICES, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json, again.headers["location"]) == (first.json, first.headers["location"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert Invoice.select().count() == 1


def test_the_same_idempotency_key_with_another_body_is_refused(client, account, key):
    headers, customer = key | {"Idempotency-Key": "k1"}, given.a_customer(account)
    assert (
        client.simulate_post(INVOICES, json=an_invoice_of(customer), headers=headers).status_code
        == 201
    )
    problem(
        client.simulate_post(INVOICES, json=an_invoice_of(customer, amountDue=1), headers=headers),
        422,
        "idempotency_key_reused",
    )
    problem(
        client.simulate_post(CUSTOMERS, json={"name": "Ada"}, headers=headers),
        422,
        "idempotency_key_reused",
    )


def test_idempotency_keys_are_separate_for_each_caller(client, account, key):
    """Given another account's key, or another key of the same account, then it is a new request."""
    other, second = given.a_key(given.an_account(name="Other")), given.a_key(account)
    for headers in (key, other, second):
        answer = client.simulate_post(
            CUSTOMERS, json={"name": "Ada"}, headers=headers | {"Idempotency-Key": "k1"}
        )
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
    assert Customer.select().count() == 3


def test_stored_responses_are_encrypted_for_their_caller(client):
    """Given a new account and its customer, when their requests are repeated, then each gets its
    answer again, and no stored row shows it in clear.
    """
    operator = given.a_key(None) | {"Idempotency-Key": "k1"}
    made = client.simulate_post("/api/accounts", json={"name": "Quiet Clinic"}, headers=operator)
    owner = {"Authorization": f"Bearer {made.json['key']}", "Idempotency-Key": "k1"}
    person = {"name": "Ada Secret", "phone": "+12025550123", "email": "ada@example.org"}
    customer = client.simulate_post(CUSTOMERS, json=person, headers=owner)
    assert (
        client.simulate_post("/api/accounts", json={"name": "Quiet Clinic"}, headers=operator).json
        == made.json
    )
    assert client.simulate_post(CUSTOMERS, json=person, headers=owner).json == customer.json
    kept = "\n".join(str(row) for row in IdempotencyKey.select().dicts())
    assert IdempotencyKey.select().where(IdempotencyKey.answer.is_null(False)).count() == 2
    assert [
        word
        for word in (made.json["key"], "Ada Secret", "+12025550123", "ada@example.org")
        if word in kept
    ] == []


def test_a_request_with_a_deleted_stored_response_is_not_repeated(account, key, client):
    """Given an answer from before answers were encrypted, which the migration has deleted, then a
    repetition is refused, not done again.
    """
    headers = key | {"Idempotency-Key": "k1"}
    client.simulate_post(CUSTOMERS, json={"name": "Ada"}, headers=headers)
    IdempotencyKey.update(answer=None).execute()
    again = client.simulate_post(CUSTOMERS, json={"name": "Ada"}, headers=headers)
    problem(again, 409, "conflict")
    assert "idempotent-replayed" not in again.headers
    assert Customer.select().count() == 1


def test_a_refused_request_can_be_corrected_under_the_same_idempotency_key(client, account, key):
    """Given a refused request, which stored nothing, then its key can be used again."""
    headers = key | {"Idempotency-Key": "k1"}
    problem(client.simulate_post(CUSTOMERS, json={"name": ""}, headers=headers), 422, "invalid")
    assert IdempotencyKey.select().count() == 0
    assert client.simulate_post(CUSTOMERS, json={"name": "Ada"}, headers=headers).status_code == 201


def test_invalid_idempotency_keys_are_refused(client, key):
    for bad in ("", "x" * 256):
        problem(
            client.simulate_post(
                CUSTOMERS, json={"name": "Ada"}, headers=key | {"Idempotency-Key": bad}
            ),
            400,
            "bad_request",
        )


def test_eight_concurrent_requests_with_one_idempotency_key_create_one_invoice(
    client, account, key
):
    headers = key | {"Idempotency-Key": "k1"}
    body = an_invoice_of(given.a_customer(account))
    answers = at_once(8, lambda: client.simulate_post(INVOICES, json=body, headers=headers))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert Invoice.select().count() == 1


def test_eight_concurrent_requests_for_one_invoice_number_create_one_invoice(client, account, key):
    """Given eight requests without a key, then the first wins and the others are answered 409."""
    body = an_invoice_of(given.a_customer(account))
    answers = at_once(8, lambda: client.simulate_post(INVOICES, json=body, headers=key))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert Invoice.select().count() == 1


def test_a_customers_external_id_in_use_is_a_conflict(client, account, key):
    for external in ("a", "b"):
        assert (
            client.simulate_post(
                CUSTOMERS, json={"name": "Ada", "externalId": external}, headers=key
            ).status_code
            == 201
        )
    assert (
        client.simulate_post(
            CUSTOMERS, json={"name": "Ada", "externalId": "a"}, headers=key
        ).status_code
        == 409
    )
    other = Customer.get(Customer.external_id == "b")
    taken = client.simulate_patch(
        f"{CUSTOMERS}/{other.id}", json={"externalId": "a", "name": "Eve"}, headers=key
    )
    assert "retry-after" not in taken.headers, "it was no race, and repeating it does not help"
    assert (
        problem(taken, 409, "already_exists")["detail"] == "There is a customer with externalId a."
    )
    assert (Customer.get_by_id(other.id).external_id, Customer.get_by_id(other.id).name) == (
        "b",
        "Ada",
    )
    assert (
        client.simulate_patch(
            f"{CUSTOMERS}/{other.id}", json={"externalId": "b"}, headers=key
        ).status_code
        == 200
    ), "it is its own"
    elsewhere = given.a_key(given.an_account(name="Other"))
    assert (
        client.simulate_post(
            CUSTOMERS, json={"name": "Ada", "externalId": "a"}, headers=elsewhere
        ).status_code
        == 201
    )


def test_an_empty_external_id_is_refused_and_null_clears_it(client, account, key):
    """Given an empty externalId, then it is refused; null means that there is none."""
    made = client.simulate_post(
        CUSTOMERS, json={"name": "Ada", "externalId": "a"}, headers=key
    ).json["id"]
    for nothing in ("", "  "):
        for answer in (
            client.simulate_post(
                CUSTOMERS, json={"name": "Ada", "externalId": nothing}, headers=key
            ),
            client.simulate_patch(f"{CUSTOMERS}/{made}", json={"externalId": nothing}, headers=key),
        ):
            assert [error["field"] for error in problem(answer, 422, "invalid")["errors"]] == [
                "externalId"
            ]
    assert (
        client.simulate_patch(f"{CUSTOMERS}/{made}", json={"externalId": None}, headers=key).json[
            "externalId"
        ]
        is None
    )
    assert (
        client.simulate_post(
            CUSTOMERS, json={"name": "Eve", "externalId": None}, headers=key
        ).status_code
        == 201
    )


def test_customer_lists_are_paginated(client, account, key):
    made = [
        client.simulate_post(CUSTOMERS, json={"name": f"Ada {index}"}, headers=key).json["id"]
        for index in range(5)
    ]
    seen, after = [], {}
    for size in (2, 2, 1):
        page = client.simulate_get(CUSTOMERS, params={"limit": 2} | after, headers=key).json
        assert (len(page["data"]), page["hasMore"]) == (size, size == 2)
        seen += [row["id"] for row in page["data"]]
        after = {"startingAfter": seen[-1]}
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 5
    for limit in (0, 101, -1, "x"):
        problem(
            client.simulate_get(CUSTOMERS, params={"limit": limit}, headers=key), 422, "invalid"
        )


def test_invoice_lists_can_be_filtered(client, account, key):
    sent, paid = given.an_invoice(account), given.an_invoice(account, status="paid")

    def listed(**params):
        return {
            row["id"]
            for row in client.simulate_get(INVOICES, params=params, headers=key).json["data"]
        }

    assert listed(status="sent") == {sent.id}
    assert listed(status=["sent", "paid"]) == {sent.id, paid.id}
    assert listed(customerId=paid.customer_id) == {paid.id}
    assert listed(updatedSince="2100-01-01T00:00:00Z") == set()
    assert listed(updatedSince="2001-01-01T00:00:00Z") == {sent.id, paid.id}


BAD_INVOICES = {
    "amountDue": [0, -1, 1.5, "12.50", "12", 100_000_000, None, True],
    "currency": ["us", "dollars", "", 5, "zzz", "XXX"],
    "dueDate": ["31.1.2099", "2099-02-30", ""],
    "number": ["", None],
    "status": ["paid", "overdue"],
    "nonsense": [1],
}


def test_invalid_fields_are_named_without_repeating_their_values(client, account, key):
    customer = given.a_customer(account)
    for field, values in BAD_INVOICES.items():
        for value in values:
            body = problem(
                client.simulate_post(
                    INVOICES, json=an_invoice_of(customer) | {field: value}, headers=key
                ),
                422,
                "invalid",
            )
            assert field in {error["field"] for error in body["errors"]}, (field, value)
    secret = client.simulate_post(
        CUSTOMERS, json={"name": "Ada", "email": "not-an-address-SECRET"}, headers=key
    )
    assert "SECRET" not in problem(secret, 422, "invalid")["detail"] + secret.text
    assert Invoice.select().count() == 0


def test_the_amount_due_cannot_change_once_a_payment_exists(client, account, key, valkey):
    invoice = given.an_invoice(account)
    assert (
        client.simulate_patch(
            f"{INVOICES}/{invoice.id}", json={"amountDue": 9_000}, headers=key
        ).json["outstandingBalance"]
        == 9_000
    )
    given.received(
        given.an_event("payment_intent.succeeded", given.an_intent(invoice, amount=4_000))
    )
    given.worked(valkey.client())
    problem(
        client.simulate_patch(f"{INVOICES}/{invoice.id}", json={"amountDue": 8_000}, headers=key),
        409,
        "invoice_has_payments",
    )
    changed = client.simulate_patch(
        f"{INVOICES}/{invoice.id}", json={"notes": "called", "dueDate": "2001-01-01"}, headers=key
    ).json
    assert (changed["notes"], changed["status"], changed["outstandingBalance"]) == (
        "called",
        "overdue",
        5_000,
    )


def test_a_body_over_the_size_limit_is_413(client, key):
    problem(
        client.simulate_post(CUSTOMERS, body=b"x" * (CAP + 1), headers=key), 413, "body_too_large"
    )


def test_an_unknown_path_is_404_and_a_wrong_method_405(client):
    problem(client.simulate_get("/api/nothing"), 404, "not_found")
    problem(client.simulate_delete(CUSTOMERS), 405, "method_not_allowed")


def test_an_invoice_is_found_by_its_number_or_external_id(client, account, key):
    """Given two invoices with ids of the clinic's software, then each is found by number or
    externalId, by both only if they agree, and never by another clinic.
    """
    customer = given.a_customer(account)
    made = {
        name: client.simulate_post(
            INVOICES, json=an_invoice_of(customer, f"2026-{name}", externalId=name), headers=key
        ).json
        for name in ("a", "b")
    }
    elsewhere = given.a_key(given.an_account(name="Other"))

    def found(headers=key, **params):
        answer = client.simulate_get(INVOICES, params=params, headers=headers)
        return [row["id"] for row in answer.json["data"]]

    assert [made[name]["externalId"] for name in ("a", "b")] == ["a", "b"]
    assert found(externalId="a") == found(number="2026-a") == [made["a"]["id"]]
    assert found(externalId="b", status="sent", customerId=customer.id) == [made["b"]["id"]]
    assert found(externalId="a", number="2026-b") == found(externalId="b", status="paid") == []
    assert found(number="2026-a", customerId="cu_none") == []
    assert found(elsewhere, number="2026-a") == found(elsewhere, externalId="a") == []
    for name in ("number", "externalId"):
        answer = client.simulate_get(INVOICES, params={name: ""}, headers=key)
        problem(answer, 422, "invalid")


def test_an_external_id_is_unique_among_an_accounts_invoices(client, account, key):
    customer = given.a_customer(account)
    made = [
        client.simulate_post(INVOICES, json=an_invoice_of(customer, n, **more), headers=key).json
        for n, more in (("1", {"externalId": "a"}), ("2", {}), ("3", {}))
    ]
    again = client.simulate_post(
        INVOICES, json=an_invoice_of(customer, "4", externalId="a"), headers=key
    )
    told = problem(again, 409, "already_exists")["detail"]
    assert told == "There is an invoice with externalId a."

    def change(place, external_id):
        address = f"{INVOICES}/{made[place]['id']}"
        return client.simulate_patch(address, json={"externalId": external_id}, headers=key)

    problem(change(1, "a"), 409, "already_exists")
    assert change(0, "a").json["externalId"] == "a", "it is its own"
    assert change(0, None).json["externalId"] is None
    assert change(1, "a").json["externalId"] == "a"


def test_a_customer_is_found_by_its_external_id(client, account, key):
    made = [given.a_customer(account, external_id=name).id for name in ("a", "b", None)]
    given.a_customer(given.an_account(name="Other"), external_id="a")
    answer = client.simulate_get(CUSTOMERS, params={"externalId": "a"}, headers=key)
    assert [row["id"] for row in answer.json["data"]] == made[:1]
    problem(client.simulate_get(CUSTOMERS, params={"externalId": ""}, headers=key), 422, "invalid")


def test_a_sent_invoice_cannot_become_a_draft_again(client, account, key):
    """A sent invoice might have reached the customer; it can be cancelled, not made a draft
    again.
    """
    invoice = given.an_invoice(account, mark="draft", status="draft")

    def put(status):
        path = f"{INVOICES}/{invoice.id}"
        return client.simulate_patch(path, json={"status": status}, headers=key)

    for status in ("draft", "sent", "sent"):
        assert put(status).json["status"] == status
    problem(put("draft"), 409, "conflict")
    assert given.fresh(invoice).status == "sent"

"""A signed-in operator's browser calls the API with the session's cookie and the CSRF token, within
the operator's rights.
"""

import pytest

from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import Operator
from models.accounts.operator_session import OperatorSession
from models.delivery.idempotency_key import IdempotencyKey
from models.invoices.customer import Customer
from rules.operator_rights import Rights
from runtime.clock import real_now
from tests import given
from tests.stories.operators import PASSWORD, an_operator, csrf_of, run, signed_in

CUSTOMER = {"name": "Ada Payer"}


class Browser:
    """A signed-in operator's browser, for one account."""

    def __init__(self, client, account=None, name="ada"):
        self._client, self.account = client, account
        cookie = signed_in(client, name)
        self.token = csrf_of(client, cookie)
        self.headers = dict(cookie)
        if account is not None:
            self.headers["Payphone-Account"] = account.id

    def get(self, path, **headers):
        return self._client.simulate_get(path, headers=self.headers | headers)

    def post(self, path, body, **headers):
        sent = self.headers | {"X-CSRF-Token": self.token} | headers
        return self._client.simulate_post(path, json=body, headers=sent)


def limited(scope, *accounts, name="ada"):
    rights = Rights(scope, frozenset(one.id for one in accounts) if accounts else None)
    return Operator.add(name, PASSWORD, real_now(), rights)


def test_an_operator_reads_and_writes_for_the_account_named_in_the_header(client):
    an_operator()
    browser = Browser(client, given.an_account())
    made = browser.post("/api/customers", CUSTOMER)
    assert made.status_code == 201
    assert browser.get("/api/customers").json["data"][0]["id"] == made.json["id"]
    note = {"text": "she called"}
    invoice = given.an_invoice(browser.account)
    assert browser.post(f"/api/invoices/{invoice.id}/notes", note).status_code == 201
    last = AuditEntry.select().order_by(AuditEntry.id.desc()).first()
    assert (last.actor, last.action) == ("operator:ada", "invoice.noted")


@pytest.mark.one_database
@pytest.mark.parametrize("token", ["", "wrong", "ünlesbar"])
def test_a_write_without_the_sessions_csrf_token_is_refused(client, token):
    an_operator()
    browser = Browser(client, given.an_account())
    answer = browser.post("/api/customers", CUSTOMER, **{"X-CSRF-Token": token})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert not Customer.select().exists()


def test_another_sessions_csrf_token_is_refused(client):
    an_operator()
    an_operator("bob")
    account = given.an_account()
    ada, bob = Browser(client, account), Browser(client, account, "bob")
    answer = ada.post("/api/customers", CUSTOMER, **{"X-CSRF-Token": bob.token})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.one_database
@pytest.mark.parametrize(
    "said",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
def test_a_cross_site_write_is_refused_even_with_the_csrf_token(client, said):
    an_operator()
    browser = Browser(client, given.an_account())
    assert browser.post("/api/customers", CUSTOMER, **said).status_code == 403
    assert not Customer.select().exists()


def test_no_response_has_cors_headers(client):
    """A SameSite=Lax cookie is sent when a link on another site is followed. So a GET must change
    nothing, and without CORS headers the other site cannot read the answer.
    """
    an_operator()
    browser = Browser(client, given.an_account())
    answer = browser.get("/api/customers", Origin="https://evil.example")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_revoked_session_is_unauthorized(client):
    an_operator()
    browser = Browser(client, given.an_account())
    OperatorSession.delete().execute()
    assert browser.get("/api/customers").status_code == 401
    assert browser.post("/api/customers", CUSTOMER).status_code == 401


def test_a_disabled_operators_session_is_unauthorized(client):
    an_operator()
    browser = Browser(client, given.an_account())
    assert run("operator", "disable", "ada").exit_code == 0
    assert browser.get("/api/customers").status_code == 401


def test_a_wrong_api_key_is_unauthorized_despite_a_valid_session(client):
    an_operator()
    browser = Browser(client, given.an_account())
    assert browser.get("/api/customers", Authorization="Bearer nonsense").status_code == 401


def test_an_api_key_needs_no_csrf_token_even_beside_a_session(client):
    an_operator()
    account = given.an_account()
    browser = Browser(client, account)
    answer = browser.post("/api/customers", CUSTOMER, **{"X-CSRF-Token": ""} | given.a_key(account))
    assert answer.status_code == 201


def test_an_idempotency_key_works_once_even_across_sessions(client):
    """Given an answer sealed with the session's token, then the same session gets it again, and
    another session of the same operator is refused rather than repeating the work.
    """
    an_operator()
    account = given.an_account()
    browser, key = Browser(client, account), {"Idempotency-Key": "form-1"}
    first = browser.post("/api/customers", CUSTOMER, **key)
    again = browser.post("/api/customers", CUSTOMER, **key)
    later = Browser(client, account).post("/api/customers", CUSTOMER, **key)
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")
    assert (later.status_code, later.json["code"]) == (422, "idempotency_key_reused")
    # a new key would do it twice
    assert "before you signed in again. Read what it changed" in later.json["detail"]
    assert (Customer.select().count(), IdempotencyKey.select().count()) == (1, 1)
    assert "Ada Payer" not in IdempotencyKey.get().answer


def test_a_view_only_operator_cannot_write(client):
    account = given.an_account()
    limited("view")
    browser = Browser(client, account)
    assert browser.get("/api/customers").status_code == 200
    answer = browser.post("/api/customers", CUSTOMER)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert (answer.json["missing"], "act" in answer.json["detail"]) == ("act", True)


def test_a_view_only_operator_can_evaluate_the_contact_gate(client):
    """Evaluating changes nothing, and explains why a customer was not called."""
    account = given.an_account()
    limited("view")
    about = {"invoiceId": given.an_invoice(account).id, "channel": "sms"}
    answer = Browser(client, account).post("/api/compliance/evaluate", about)
    assert (answer.status_code, "allowed" in answer.json) == (200, True)


def test_an_operator_with_act_scope_cannot_administer(client):
    account = given.an_account()
    limited("act")
    browser = Browser(client, account)
    assert browser.post("/api/customers", CUSTOMER).status_code == 201
    answer = browser.post("/api/accounts", {"name": "Another Clinic"})
    assert (answer.status_code, answer.json["missing"]) == (403, "admin")


def test_an_operator_limited_to_accounts_is_refused_elsewhere(client):
    own, other = given.an_account(), given.an_account()
    limited("admin", own)
    browser = Browser(client, own)
    assert browser.get("/api/customers").status_code == 200
    assert browser.get(f"/api/accounts/{own.id}").status_code == 200
    for answer in (
        browser.get("/api/customers", **{"Payphone-Account": other.id}),
        browser.get(f"/api/accounts/{other.id}"),
        browser.get(f"/api/accounts/{other.id}/settings"),
    ):
        assert (answer.status_code, answer.json["missing"]) == (403, other.id)
    for answer in (
        Browser(client).get("/api/finance/reconciliation"),
        Browser(client).get("/metrics"),
        Browser(client).get("/rq/0/data/queues.json"),
        browser.post("/api/accounts", {"name": "Another Clinic"}),
    ):
        assert (answer.status_code, answer.json["missing"]) == (403, "all_accounts")


def test_the_front_page_shows_figures_only_to_operators_of_all_accounts(client):
    """Given an operator limited to some accounts, then the page has neither figures nor links that
    would be refused to her, and `/rq` says why.
    """
    limited("view", given.an_account())
    limited("view", name="eve")
    hers, eves = (Browser(client, name=name).get("/") for name in ("ada", "eve"))
    assert hers.status_code == eves.status_code == 200
    for part in ('class="tile', 'href="/rq/"', 'href="/metrics"'):
        assert (part in hers.text, part in eves.text) == (False, True)
    assert "you have rights in some only" in hers.text
    for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
        refused = Browser(client).get("/rq/", Accept=accept)
        assert (refused.status_code, refused.headers["content-type"].split(";")[0]) == (403, kind)
        assert "you may act for some only" in refused.text


def test_a_card_form_opens_only_for_operators_of_its_account(client):
    own, other = given.an_account(), given.an_account()
    limited("act", own)
    invoice = given.an_invoice(other)
    page = Browser(client).get(f"/invoices/{invoice.id}/card")
    assert page.status_code == 403
    assert "location" not in page.headers


def test_the_add_command_sets_an_operators_rights(client):
    account = given.an_account()
    added = run("operator", "add", "eve", "--scope", "act", "--account", account.id)
    assert added.exit_code == 0
    assert Operator.get(Operator.name == "eve").rights == Rights("act", frozenset({account.id}))
    assert run("operator", "add", "bob").exit_code == 0
    assert Operator.get(Operator.name == "bob").rights == Rights()
    refused = run("operator", "add", "kim", "--account", "ac_none")
    assert (refused.exit_code, "There is no account ac_none." in refused.output) == (1, True)
    assert Operator.get_or_none(Operator.name == "kim") is None

"""Operators sign in, are kept out when they must be, and sign out."""

import re
from datetime import timedelta
from urllib.parse import quote

import argon2
import falcon
import pytest

from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import Operator
from models.accounts.operator_session import IDLE, OperatorSession
from models.books.inbox_event import InboxEvent
from models.effects.pause_switch import PauseSwitch
from runtime.clock import real_now
from tests import given
from tests.running.processes import reset_process
from tests.stories.operators import (
    FORM,
    PASSWORD,
    an_operator,
    csrf_of,
    form_of,
    run,
    signed_in,
    try_to_sign_in,
)
from web.http.guards.sessions import delete_cookie, set_cookie
from web.operators.login_limit import LoginLimit


def actions() -> list[tuple[str, str, str]]:
    return [
        (entry.actor, entry.action, entry.subject)
        for entry in AuditEntry.select().order_by(AuditEntry.id)
    ]


def test_a_visitor_is_redirected_to_the_login_with_the_page_to_return_to(client):
    answer = client.simulate_get("/rq/0/view/workers")
    assert (answer.status_code, answer.headers["location"]) == (
        302,
        "/login?next=%2Frq%2F0%2Fview%2Fworkers",
    )
    fields, _ = form_of(client, answer.headers["location"])
    assert fields["next"] == "/rq/0/view/workers"


def test_an_operator_signs_in_sees_the_figures_and_signs_out(client):
    """Given an operator, when she signs in and out, then her session is valid only in between, and
    both are audited.
    """
    an_operator()
    browser = signed_in(client, " Ada ")
    page = client.simulate_get("/", headers=browser)
    assert page.status_code == 200
    assert "Right now" in page.text
    answer = client.simulate_post(
        "/logout", body=f"csrf_token={csrf_of(client, browser)}", headers=browser | FORM
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert client.simulate_get("/", headers=browser).status_code == 302
    assert [action for _, action, _ in actions()] == ["login.succeeded", "logout"]
    assert actions()[0] == ("operator:ada", "login.succeeded", "operator:ada")


def test_unmatched_events_and_overdue_invoices_raise_no_alarm(client):
    """Given an unmatched event of other business on the Stripe account and an overdue invoice, then
    their tiles are not red; a refused event's is.
    """
    an_operator()
    given.an_invoice(status="overdue")
    for outcome in ("unmatched", "refused"):
        InboxEvent.receive("stripe", "", f"evt_{outcome}", "refund.created", "{}", real_now())
        InboxEvent.get(InboxEvent.event_id == f"evt_{outcome}").record_outcome(
            outcome, real_now(), "told"
        )
    page = client.simulate_get("/", headers=signed_in(client)).text
    assert re.findall(r'alarming">\s*<dt>(\w+)</dt>\s*<dd>(\d+)', page) == [("refused", "1")]
    assert re.findall(r'tile">\s*<dt>(unmatched|overdue)</dt>\s*<dd>(\d+)', page) == [
        ("unmatched", "1"),
        ("overdue", "1"),
    ]


def test_a_pause_raises_an_alarm(client):
    an_operator()
    PauseSwitch.set("", "charges", True, "cli:ada", "a complaint")
    page = client.simulate_get("/", headers=signed_in(client)).text
    assert re.findall(r'alarming">\s*<dt>(\w+)</dt>\s*<dd>(\d+)', page) == [("charges", "1")]
    assert re.findall(r'tile">\s*<dt>(texts|calls)</dt>\s*<dd>(\d+)', page) == [
        ("texts", "0"),
        ("calls", "0"),
    ]


def test_a_session_is_stored_hashed_and_its_cookie_is_http_only(client):
    an_operator()
    answer = try_to_sign_in(client)
    cookie = answer.cookies["payphone_session"]
    assert (cookie.http_only, cookie.same_site, cookie.secure) == (True, "Lax", False)
    assert cookie.value not in str(OperatorSession.select().dicts().get())


def test_production_cookies_are_for_https_and_this_host_only(client, monkeypatch):
    monkeypatch.setenv("PAYPHONE_ENV", "production")
    reset_process()
    cookie = client.simulate_get("/login").cookies["__Host-payphone_form"]
    assert (cookie.secure, cookie.path, cookie.domain) == (True, "/", None)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("eve", "wrong"),
        ("operator", "wrong"),
        ("operator", ""),
        ("", ""),
        ("a" * 1500, "b" * 1500),
    ],
)
def test_every_wrong_login_gets_the_same_answer(client, name, password):
    an_operator()
    answer = try_to_sign_in(client, name, password)
    assert answer.status_code == 403
    assert "Wrong name or password." in answer.text
    assert "payphone_session" not in answer.cookies


def test_an_unknown_name_is_not_stored_since_it_may_be_a_password(client, valkey):
    try_to_sign_in(client, "my secret password", "x")
    assert actions() == [("system", "login.failed", "operator:unknown")]
    assert not any(b"secret" in key for key in valkey.client().keys("*"))


def test_the_built_in_operator_uses_the_password_in_the_settings(client, monkeypatch):
    """Given a changed OPERATOR_PASSWORD, then sessions opened with the old one end."""
    monkeypatch.setenv("OPERATOR_PASSWORD", "from the settings")
    reset_process()
    browser = signed_in(client, "operator", "from the settings")
    assert client.simulate_get("/", headers=browser).status_code == 200
    monkeypatch.setenv("OPERATOR_PASSWORD", "another one")
    reset_process()
    assert client.simulate_get("/", headers=browser).status_code == 302


def test_disabling_an_operator_signs_them_out_at_once(client):
    an_operator()
    browser = signed_in(client)
    assert run("operator", "disable", "ada").exit_code == 0
    assert client.simulate_get("/", headers=browser).status_code == 302
    assert try_to_sign_in(client).status_code == 403


@pytest.mark.parametrize("column", ["expires_at", "last_seen_at"])
def test_a_session_ends_when_expired_or_idle(client, column):
    an_operator()
    browser = signed_in(client)
    assert client.simulate_get("/", headers=browser).status_code == 200
    past = {
        "expires_at": real_now() - timedelta(seconds=1),
        "last_seen_at": real_now() - IDLE - timedelta(seconds=1),
    }
    OperatorSession.update({column: past[column]}).execute()
    assert client.simulate_get("/", headers=browser).status_code == 302


def test_a_form_without_a_valid_csrf_token_is_refused(client):
    an_operator()
    for fields in ({"csrf_token": "forged"}, {"csrf_token": ""}):
        assert try_to_sign_in(client, fields=fields).status_code == 403
    browser = signed_in(client)
    assert (
        client.simulate_post(
            "/logout", body="csrf_token=forged", headers=browser | FORM
        ).status_code
        == 403
    )
    assert client.simulate_get("/", headers=browser).status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_is_refused(client, header):
    an_operator()
    assert try_to_sign_in(client, headers=header).status_code == 403


@pytest.mark.one_database
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/login?next=/",
        "javascript:alert(1)",
        "/\t/evil",
    ],
)
def test_login_never_redirects_to_another_site(client, target):
    an_operator()
    assert try_to_sign_in(client, fields={"next": target}).headers["location"] == "/"


def test_after_ten_tries_a_name_is_locked_even_for_the_right_password(client):
    """Given ten tries, counted in Redis for all processes, then the right password is refused."""
    an_operator()
    assert all(LoginLimit().may_try(f"203.0.113.{n}", "ADA ") for n in range(10))
    answer = try_to_sign_in(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert AuditEntry.select().count() == 0


def test_login_attempts_are_limited_per_ip_address(client):
    an_operator()
    assert [LoginLimit().may_try("127.0.0.1", f"name{n}") for n in range(21)] == [True] * 20 + [
        False
    ]
    assert try_to_sign_in(client).status_code == 429
    assert try_to_sign_in(client, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 303


def test_logins_with_unknown_names_are_bounded_in_redis_and_the_audit(client, valkey):
    """Given strangers who try ever new names, from one address and from many, then the keys in
    Redis and the audit entries are bounded; a failed login of a real operator is still audited.
    """
    for number in range(60):
        assert LoginLimit().may_try("203.0.113.7", f"name{number}") == (number < 20)
    assert len(list(valkey.client().scan_iter("*login-name*"))) == 20
    for number in range(105):
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        assert try_to_sign_in(client, name=f"nobody{number}", headers=headers).status_code == 403
    assert AuditEntry.select().where(AuditEntry.action == "login.failed").count() == 100
    an_operator()
    assert try_to_sign_in(client, password="wrong but long enough").status_code == 403
    assert AuditEntry.select().where(AuditEntry.action == "login.failed").count() == 101


def test_a_successful_login_resets_the_attempt_count(client):
    an_operator()
    assert all(LoginLimit().may_try("127.0.0.1", "ada") for _ in range(9))
    signed_in(client)
    assert all(LoginLimit().may_try("127.0.0.1", "ada") for _ in range(10))


def test_the_login_limit_holds_in_memory_without_redis(client, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    reset_process()
    limit = LoginLimit()
    assert [limit.may_try(f"203.0.113.{n}", "ada") for n in range(11)] == [True] * 10 + [False]
    an_operator()
    assert try_to_sign_in(client).status_code == 303


def test_passwords_are_not_audited_and_are_stored_hashed(client):
    operator: Operator = an_operator()
    try_to_sign_in(client, password="wrong but long enough")
    signed_in(client)
    text = str(list(AuditEntry.select().dicts()))
    assert "wrong but" not in text
    assert operator.password_hash.startswith("$argon2id$")


def test_password_hashing_costs_the_same_for_known_and_unknown_names(real_passwords):
    hasher, nobody = real_passwords
    theirs = argon2.extract_parameters(hasher.hash(PASSWORD))
    assert (theirs.memory_cost, theirs.time_cost) == (65_536, 3)
    assert argon2.extract_parameters(nobody) == theirs


def test_pages_allow_no_script_at_all(client):
    policy = client.simulate_get("/login").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    assert "unsafe" not in policy
    assert (
        client.simulate_get("/healthz")
        .headers["content-security-policy"]
        .startswith("default-src 'none'")
    )
    assert client.simulate_get("/static/payphone.css").status_code == 200


def test_markup_in_the_return_address_is_escaped(client):
    assert "<script>" not in client.simulate_get("/login?next=/%22%3E%3Cscript%3E").text


@pytest.mark.one_database
@pytest.mark.parametrize("target", ["//[", "/a//[", "http://[x", "//]", "/\\[", "[", "%00", "é"])
def test_an_odd_return_address_stays_local(client, target):
    """Given a stranger's link to the login page, then the form is shown, and its next address is a
    local one.
    """
    answer = client.simulate_get("/login", params={"next": target})
    assert answer.status_code == 200
    fields, _ = form_of(client, "/login?next=" + quote(target))
    assert fields["next"].startswith("/")
    assert not fields["next"].startswith("//")


def test_a_redirect_after_login_has_an_ascii_location(client):
    """gunicorn drops a request whose answer has a header that is not Latin-1."""
    an_operator()
    session = signed_in(client)
    answer = client.simulate_get("/login", params={"next": "/rq?€=ж"}, headers=session)
    assert answer.status_code == 302
    assert answer.headers["location"].isascii()


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["/login", "/", "/rq"])
@pytest.mark.parametrize("kind", ["form", "session"])
def test_a_malformed_cookie_is_treated_as_none(client, path, kind):
    """Given bytes that no cookie of ours has, then the page is answered as without a cookie."""
    odd = {"Cookie": f"payphone_{kind}=caf\xe9\xff"}
    assert client.simulate_get(path, headers=odd).status_code in {200, 302}
    headers = FORM | odd
    answer = client.simulate_post("/login", body="name=a&password=b&csrf=é", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("env", ["test", "production"])
@pytest.mark.parametrize("kind", ["session", "form"])
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(env, kind, monkeypatch):
    """Given a cookie of ours, when it is deleted, then its name, path and attributes are those it
    was set with, and it has both an expiry date and Max-Age=0.
    """
    monkeypatch.setenv("PAYPHONE_ENV", env)
    reset_process()
    put, dropped = falcon.Response(), falcon.Response()
    set_cookie(put, kind, "x", 60)
    delete_cookie(dropped, kind)

    def attributes(answer):
        _, value = answer._wsgi_headers()[-1]
        first, *rest = value.split("; ")
        return first.partition("=")[0], {part for part in rest if "Max-Age" not in part}, value

    name, kept, _ = attributes(put)
    gone, left, text = attributes(dropped)
    assert (name, kept | {"expires=Thu, 01 Jan 1970 00:00:00 GMT"}) == (gone, left)
    assert "Max-Age=0" in text.split("; ")
    assert text.startswith(f'{name}="";')
    monkeypatch.undo()
    reset_process()

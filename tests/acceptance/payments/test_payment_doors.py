"""Payment endpoints are rate-limited (F57) and accept HTTPS only (F56)."""

import signal

import falcon.testing
import pytest
import redis
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond

from models.payments.payment_link import PayAddress
from runtime.clock import business_now, real_seconds
from runtime.redis.connection import NUDGE_TIMEOUT
from tests import given
from tests.running.processes import reset_process
from tests.running.servers import wait_for
from web.http.address import HOPS, client_address, is_https
from web.http.guards import rate_limiter, rate_limits_in_memory
from web.http.guards.rate_limits_in_memory import MOST, RateLimitsInMemory
from web.operators.login_limit import LoginLimit

pytestmark = pytest.mark.one_database

PAYMENTS = "/api/payments"


@pytest.fixture
def setting(monkeypatch):
    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name.upper(), value)
        reset_process()

    yield change
    monkeypatch.undo()
    reset_process()


def asked(client, key, times, address="203.0.113.7", path=PAYMENTS):
    return [
        client.simulate_get(path, headers=key | {"X-Forwarded-For": address}) for _ in range(times)
    ]


def test_rate_limit_per_key_holds_across_addresses(client, setting):
    setting(rate_per_key="3/minute")
    key = given.a_key(given.an_account())
    answers = [asked(client, key, 1, f"203.0.113.{n}")[0] for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert (refused.json["code"], refused.headers["content-type"]) == (
        "rate_limited",
        "application/problem+json",
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert asked(client, given.a_key(given.an_account(name="Other")), 1)[0].status_code == 200
    # only payment endpoints are limited
    assert client.simulate_get("/api/invoices", headers=key).status_code == 200


def test_rate_limit_per_address_holds_across_keys(client, setting):
    setting(rate_per_address="3/minute")
    guesses = [
        asked(client, {"Authorization": f"Bearer pp_guess{n}"}, 1)[0].status_code for n in range(5)
    ]
    assert guesses == [401, 401, 401, 429, 429]
    invoice = given.an_invoice()
    address = "203.0.113.8"
    for path in (
        f"/api/invoices/{invoice.id}/payment-links",
        "/p/nobody",
        "/api/payments/confirm-payment",
    ):
        client.simulate_post(path, headers={"X-Forwarded-For": address}, json={})
    assert asked(client, {}, 1, address)[0].status_code == 429


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("[2001:db8:1:2::1]:4711", "2001:DB8:1:2::2"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:cb00:7109", "203.0.113.9"),
        ("64:ff9b::203.0.113.9", "203.0.113.9"),
        ("2002:cb00:7109:1::1", "2002:cb00:7109:2::1"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_addresses_of_one_network_are_counted_together(client, setting, one, other):
    setting(rate_per_address="1/minute")
    assert [asked(client, {}, 1, address)[0].status_code for address in (one, other)] == [401, 429]
    limit = LoginLimit()
    tries = [limit.may_try((one, other)[n % 2], f"name{n}") for n in range(21)]
    assert tries == [True] * 20 + [False]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("64:ff9b::203.0.113.9", "64:ff9b::203.0.113.10"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.10"),
        ("203.0.113.9", "203.0.113.10"),
    ],
)
def test_addresses_of_different_networks_are_counted_separately(client, setting, one, other):
    setting(rate_per_address="1/minute")
    assert [asked(client, {}, 1, address)[0].status_code for address in (one, other)] == [401, 401]


def test_only_the_nearest_proxies_of_a_long_chain_are_read(setting):
    in_production(setting)
    told = {"X-Forwarded-For": "203.0.113.5" + ",10.1.2.3" * 2 * HOPS}
    request = falcon.testing.create_req(headers=told, remote_addr="10.1.2.3")
    assert client_address(request) == "10.1.2.3"


def test_rate_limits_in_memory_are_bounded_while_redis_is_down(client, setting):
    """Given Redis down, when more addresses come than are kept in memory, then the oldest are
    forgotten, and those kept are still counted.
    """
    setting(redis_url="redis://127.0.0.1:1")
    counts, item = RateLimitsInMemory(), RateLimitItemPerMinute(2)
    for number in range(MOST + 100):
        assert counts.hit(item, f"address{number}")
    assert len(counts) == MOST
    last = f"address{MOST + 99}"
    assert [counts.hit(item, last), counts.hit(item, last)] == [True, False]
    assert 0 < counts.end_of(item, last) - real_seconds() <= 60
    counts.clear(item, last)
    assert counts.hit(item, last)


def test_rate_limits_in_memory_reset_with_the_next_window(monkeypatch):
    seconds = [1_000.0]
    monkeypatch.setattr(rate_limits_in_memory, "real_seconds", lambda: seconds[0])
    counts, item = RateLimitsInMemory(), RateLimitItemPerSecond(1)
    assert [counts.hit(item, "a"), counts.hit(item, "a")] == [True, False]
    seconds[0] += 1
    assert counts.hit(item, "a")


def test_rate_limited_payer_sees_a_page_that_asks_to_wait(client, setting):
    setting(rate_per_address="1/minute")
    page = asked(client, {}, 2, path="/p/nobody")[1]
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (429, "text/html")
    assert "Please wait" in page.text
    assert "retry-after" in page.headers


def test_processes_share_rate_limit_counts_through_redis(client, setting):
    from web.app import create_app

    setting(rate_per_address="4/minute")
    other = falcon.testing.TestClient(create_app())
    key = given.a_key(given.an_account())
    assert [
        asked(one, key, 1)[0].status_code for one in (client, other, client, other, client)
    ] == [200, 200, 200, 200, 429]


def test_rate_limit_holds_in_memory_after_one_redis_timeout(
    database_url, own_valkey, setting, monkeypatch
):
    from web.app import create_app

    waited = []
    real = rate_limiter.RateLimiter._pause
    monkeypatch.setattr(
        rate_limiter.RateLimiter,
        "_pause",
        lambda limit, error: waited.append(type(error)) or real(limit, error),
    )
    monkeypatch.setattr(rate_limiter, "PAUSE", 60.0)
    setting(rate_per_key="5/minute")

    def counted_in_redis():
        """A client, and a key that Redis has counted; None if a busy machine delayed Redis."""
        waited.clear()
        client, key = falcon.testing.TestClient(create_app()), given.a_key(given.an_account())
        asked(client, key, 1)
        return None if waited else (client, key)

    client, key = wait_for(counted_in_redis, "Redis has counted one")
    own_valkey.send(signal.SIGSTOP)
    try:
        statuses = [asked(client, key, 1)[0].status_code for _ in range(7)]
    finally:
        own_valkey.send(signal.SIGCONT)
    assert statuses == [200] * 5 + [429, 429]
    assert waited == [redis.TimeoutError]
    assert NUDGE_TIMEOUT == 0.25


def test_rate_limits_can_be_switched_off(client, setting):
    setting(rate_per_key="none", rate_per_address="none")
    assert {answer.status_code for answer in asked(client, given.a_key(given.an_account()), 5)} == {
        200
    }


def in_production(setting, **more):
    setting(
        payphone_env="production",
        trusted_proxies="10.0.0.0/8, 2001:db8::1",
        public_url="https://pay.example",
        **more,
    )


HTTPS = {"X-Forwarded-Proto": "https"}


def test_plain_http_is_refused_before_anything_is_done(client, setting):
    key, invoice = given.a_key(given.an_account()), given.an_invoice()
    in_production(setting)
    for method, path in (
        ("GET", PAYMENTS),
        ("POST", "/api/payments/create-payment-intent"),
        ("POST", f"/api/invoices/{invoice.id}/payment-links"),
        ("POST", "/api/work-items/wi_1/resolve"),  # which can refund an overpayment
        # these charge a clinic's own card, or refund it
        ("POST", f"/api/accounts/{invoice.account_id}/deployments"),
        ("POST", "/api/deployments/dep_1/retry"),
        ("POST", "/api/deployments/dep_1/rollback"),
        ("POST", "/api/deployments/dep_1/payment-action/done"),
        ("POST", "/api/twilio/phone/purchase"),
    ):
        answer = client.simulate_request(method, path, headers=key)
        assert (answer.status_code, answer.json["code"]) == (403, "https_required")
        assert "strict-transport-security" not in answer.headers
    assert client.simulate_get("/healthz").status_code == 200  # load balancers ask it


def test_payer_on_plain_http_is_redirected_to_https_at_our_own_host(client, setting):
    address = PayAddress.of(given.an_invoice(), business_now())
    in_production(setting)
    answer = client.simulate_get(f"/p/{address.token}", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (
        308,
        f"https://pay.example/p/{address.token}",
    )
    assert client.simulate_post(f"/p/{address.token}").status_code == 403


@pytest.mark.parametrize(
    ("peer", "status"),
    [("10.1.2.3", 200), ("2001:db8::1", 200), ("192.0.2.1", 403), ("127.0.0.1", 403)],
)
def test_forwarded_protocol_is_believed_only_from_a_trusted_proxy(client, setting, peer, status):
    key = given.a_key(given.an_account())
    in_production(setting)
    answer = client.simulate_get(PAYMENTS, headers=key | HTTPS, remote_addr=peer)
    assert answer.status_code == status
    assert ("strict-transport-security" in answer.headers) == (status == 200)


def test_our_own_tls_needs_no_proxy(client, setting):
    key = given.a_key(given.an_account())
    in_production(setting)
    answer = client.simulate_get(PAYMENTS, headers=key, protocol="https")
    assert (answer.status_code, answer.headers["strict-transport-security"]) == (
        200,
        "max-age=31536000",
    )


@pytest.mark.parametrize(
    ("peer", "told", "believed"),
    [
        ("10.1.2.3", {"X-Forwarded-For": "203.0.113.5"}, "203.0.113.5"),
        # what the client wrote itself comes first
        ("10.1.2.3", {"X-Forwarded-For": "198.51.100.1, 203.0.113.5, 10.9.9.9"}, "203.0.113.5"),
        ("10.1.2.3", {"X-Forwarded-For": "203.0.113.5:4711"}, "203.0.113.5"),
        ("10.1.2.3", {"X-Forwarded-For": "[2001:db8::7]:4711"}, "2001:db8::7"),
        ("10.1.2.3", {"X-Forwarded-For": "fe80::7%\x1b[2Jany text"}, "fe80::7"),
        ("::ffff:10.1.2.3", {"X-Forwarded-For": "203.0.113.5"}, "203.0.113.5"),
        # proxies pass these headers on from clients
        ("10.1.2.3", {"Forwarded": "for=203.0.113.5", "X-Real-IP": "203.0.113.6"}, "10.1.2.3"),
        ("10.1.2.3", {"X-Forwarded-For": "4242424242424242"}, "10.1.2.3"),
        ("192.0.2.1", {"X-Forwarded-For": "203.0.113.5"}, "192.0.2.1"),
    ],
)
def test_client_address_is_the_nearest_hop_that_is_not_our_proxy(setting, peer, told, believed):
    in_production(setting)
    assert client_address(falcon.testing.create_req(headers=told, remote_addr=peer)) == believed


def test_nearest_of_several_forwarded_protocols_counts(setting):
    in_production(setting)
    assert not is_https(
        falcon.testing.create_req(
            headers={"X-Forwarded-Proto": "https, http"}, remote_addr="10.1.2.3"
        )
    )

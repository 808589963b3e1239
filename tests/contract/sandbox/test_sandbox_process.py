"""The sandbox as a process: it prints its URL, keeps its state and stops at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import stripe

from tests.running.servers import wait_for

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).parents[3]


def start(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line.startswith("sandbox listening on http://127.0.0.1:"), line
    return process, line.split()[-1]


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    process.stdout.close()


def test_the_process_stops_at_once_even_while_requests_hang():
    process, url = start()
    httpx.post(
        f"{url}/sandbox/faults",
        json={"kind": "timeout_before", "path": "/v1/customers", "seconds": 60},
        timeout=120,
    )
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/v1/customers", timeout=0.1)
    stop(process)


def test_state_survives_a_restart(tmp_path):
    kept = str(tmp_path / "state.json")
    process, url = start("--state-file", kept)
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": url})
    asked = {
        "amount": 500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "return_url": "https://x.test",
    }
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["*"]}
    )
    intent = client.v1.payment_intents.create(asked, {"idempotency_key": "k"})
    stop(process)
    process, url = start("--state-file", kept)
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": url})
    assert client.v1.payment_intents.create(asked, {"idempotency_key": "k"}).id == intent.id
    assert client.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"
    assert len(client.v1.events.list({"delivery_success": False}).data) > 4
    stop(process)


def test_endpoints_with_chosen_secrets_are_registered_once(
    tmp_path, receiver, eventually, monkeypatch
):
    receiver.secret = "whsec_chosen"
    arguments = (
        "--state-file",
        str(tmp_path / "state.json"),
        "--endpoint",
        receiver.url,
        "--twilio-account",
        f"AC{'0' * 32}",
    )
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_chosen,whsec_old")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "the-token-of-the-account")
    process, url = start(*arguments)
    shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert receiver.url.encode() in shown
    assert b"whsec" not in shown, "every user of the machine could read it"
    assert b"token" not in shown
    stop(process)
    process, url = start(*arguments)
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": url})
    client.v1.customers.create({"name": "Ada"})
    eventually(lambda: receiver.got)
    assert len(client.v1.webhook_endpoints.list().data) == 1
    assert [event.type for event in receiver.events()] == ["customer.created"]
    stop(process)


def test_the_sandbox_runs_under_gunicorn_and_can_cut_connections(tmp_path):
    socket_file = tmp_path / "gunicorn.sock"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "sandbox.app:create_app()",
        "--workers",
        "1",
        "--threads",
        "16",
        "--bind",
        f"unix:{socket_file}",
    ]
    process = subprocess.Popen(
        [*command, "--log-level", "critical", "--no-control-socket"], cwd=ROOT, env=os.environ
    )
    client = httpx.Client(
        transport=httpx.HTTPTransport(uds=str(socket_file)),
        base_url="http://sandbox",
        headers={"Authorization": "Bearer sk_test_1"},
        timeout=120,
    )
    try:
        # the socket file exists before gunicorn listens on it
        wait_for(lambda: client.get("/v1/customers"), "gunicorn answers")
        assert client.post("/v1/customers", data={"name": "Ada"}).json()["name"] == "Ada"
        client.post("/sandbox/faults", json={"kind": "refuse"})
        with pytest.raises(httpx.TransportError):
            client.get("/v1/customers")
        assert len(client.get("/v1/customers").json()["data"]) == 1
    finally:
        process.terminate()
        process.wait(120)


def test_google_accepts_only_the_oauth_client_of_the_settings(monkeypatch):
    """Given our OAuth client in the settings, then the stand-in knows it and no other, so that a
    demo can connect a calendar.
    """
    monkeypatch.setenv("GOOGLE_CLIENT_ID", "ours")
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", "GOCSPX-ours")
    process, url = start()
    asked = {"response_type": "code", "redirect_uri": "http://x.test/back"}
    answers = {
        client: httpx.get(
            f"{url}/accounts/o/oauth2/v2/auth", params=asked | {"client_id": client}, timeout=120
        ).status_code
        for client in ("ours", "theirs")
    }
    stop(process)
    assert answers == {"ours": 302, "theirs": 400}

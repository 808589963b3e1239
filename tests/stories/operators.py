"""Operators in tests: an operator to sign in, and what their browser sends."""

import re
from urllib.parse import urlencode

import falcon.testing
from click.testing import CliRunner, Result

from bin.commands.program import payphone
from models.accounts.operator import Operator
from models.delivery.staged_job import StagedJob
from runtime.clock import real_now

PASSWORD = "correct horse battery"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def an_operator(name: str = "ada", password: str = PASSWORD) -> Operator:
    return Operator.add(name, password, real_now())


def form_of(
    client: falcon.testing.TestClient, address: str = "/login"
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the hidden fields of the login page, and a header with its cookie."""
    page = client.simulate_get(address)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    return fields, {"Cookie": f"payphone_form={page.cookies['payphone_form'].value}"}


def try_to_sign_in(
    client: falcon.testing.TestClient,
    name: str = "ada",
    password: str = PASSWORD,
    **more: dict[str, str],
) -> falcon.testing.Result:
    """Submit the login form once; `fields` and `headers` change what is sent."""
    fields, cookie = form_of(client)
    body = urlencode(fields | {"name": name, "password": password} | more.get("fields", {}))
    return client.simulate_post(
        "/login", body=body, headers=FORM | cookie | more.get("headers", {})
    )


def signed_in(
    client: falcon.testing.TestClient, name: str = "ada", password: str = PASSWORD
) -> dict[str, str]:
    """Return the headers of a signed-in browser."""
    answer = try_to_sign_in(client, name, password)
    assert answer.status_code == 303, answer.text
    return {"Cookie": f"payphone_session={answer.cookies['payphone_session'].value}"}


def csrf_of(client: falcon.testing.TestClient, browser: dict[str, str]) -> str:
    """Return the token in the signed-in page's sign-out form."""
    found = re.search(
        r'name="csrf_token" value="(\w+)"', client.simulate_get("/", headers=browser).text
    )
    assert found
    return found[1]


def a_job(state: str = "waiting", **values: object) -> StagedJob:
    """Create a row of the job table in the given state."""
    plain = {
        "name": "process_stripe_event",
        "key": f"k{StagedJob.select().count()}",
        "args": "[1]",
        "queue": "webhooks",
        "max_attempts": 8,
        "attempts": 3,
    }
    return StagedJob.create(**plain | {"state": state, "due_at": 1, "created_at": 1} | values)


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run `bin/payphone` in this process."""
    return CliRunner().invoke(payphone, arguments, input=stdin, prog_name="bin/payphone")

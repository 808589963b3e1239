"""Screenshots of a demo's pages can be taken, and on a phone nothing on the sandbox's page is cut
off.
"""

import pytest

from tests import given
from tests.browser.pictures import take_all
from tests.running.website import serve

pytestmark = pytest.mark.any_database


@pytest.fixture
def website(database_url, valkey, stand_in, processes):
    """The application under gunicorn, with Stripe's stand-in."""
    return serve(processes, OPERATOR_PASSWORD="opens the console")


def test_a_screenshot_is_taken_of_each_page(website, stand_in, watched, tmp_path):
    account = given.an_account()
    given.an_invoice(account)
    key = given.a_key(account)["Authorization"].removeprefix("Bearer ")
    about = {
        "url": website,
        "sandboxUrl": stand_in.url,
        "operatorPassword": "opens the console",
        "accounts": [{"key": key}],
    }
    it = watched(390)
    take_all(it.page, about, tmp_path)
    names = ("api", "card-form", "home", "login", "queue", "queues", "sandbox", "unknown")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        f"{name}-390.png" for name in names
    ]
    assert [line for line in it.complaints if "404" not in line] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_phone_shows_sandbox_rows_in_full(stand_in, watched, width):
    invoice = given.an_invoice()
    stand_in.charge(invoice)
    it = watched(width)
    it.page.goto(stand_in.url)
    cells = it.page.locator(".scroll td", has_text=invoice.id)
    assert cells.count() > 0
    assert it.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if width < 500:
        assert it.page.evaluate(
            "[...document.querySelectorAll('.scroll')].every(table => table.scrollWidth <="
            " table.clientWidth)"
        )

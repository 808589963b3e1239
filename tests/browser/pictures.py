"""`python -m tests.browser.pictures [FOLDER]`: screenshots of a running demo's pages, wide and
narrow as on a phone.

They are saved in FOLDER, or in `PAYPHONE_PICTURES`, or in `var/pictures`. URLs and keys come from
`var/demo.json`. The only change to the demo is that a card form is opened.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from simulation.places import DESCRIPTION, VAR
from tests.browser.chromium import PATIENT, find_chromium, launch

WIDTHS = (1280, 390)


def main() -> None:
    """Take all screenshots, and print where they are."""
    if not DESCRIPTION.exists():
        sys.exit(
            f"No demo is running: there is no {DESCRIPTION}. Start one with bin/demo, and ask again"
            " once its story is told."
        )
    chromium = find_chromium()
    if chromium is None:
        sys.exit("There is no Chromium on this machine; on Debian, apt-get install chromium.")
    about = json.loads(DESCRIPTION.read_text())
    folder = Path(*sys.argv[1:2] or [os.environ.get("PAYPHONE_PICTURES") or VAR / "pictures"])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright, chromium)
        for width in WIDTHS:
            take_all(browser.new_page(viewport={"width": width, "height": 900}), about, folder)
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder}")


def take_all(page: Page, about: dict[str, Any], folder: Path) -> None:
    """Take a screenshot of each page, at the width of `page`, as `<name>-<width>.png`."""
    url, width = about["url"], (page.viewport_size or {})["width"]

    def take(name: str, address: str = "") -> None:
        if address:
            page.goto(address, wait_until="networkidle", timeout=PATIENT)
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)

    take("login", f"{url}/login")
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill(about["operatorPassword"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Right now").wait_for()
    take("home")
    take("queues", f"{url}/rq/")
    take("queue", f"{url}/rq/0/view/jobs/webhooks/finished/8/asc/1")
    take("api", f"{url}/api/docs")
    take("unknown", f"{url}/nowhere")
    take("card-form", card_form(about))
    take("sandbox", about["sandboxUrl"])


def card_form(about: dict[str, Any]) -> str:
    """Return the URL of a card form for an invoice that can be paid."""
    with httpx.Client(
        base_url=about["url"],
        headers={"Authorization": f"Bearer {about['accounts'][0]['key']}"},
        timeout=120,
    ) as api:
        for invoice in api.get("/api/invoices", params={"status": "sent", "limit": 100}).json()[
            "data"
        ]:
            answer = api.post(f"/api/invoices/{invoice['id']}/card-forms", json={})
            if answer.is_success:
                return str(answer.json()["url"])
    sys.exit("No invoice of the demo may be paid by card now; start it anew with bin/demo.")


if __name__ == "__main__":
    main()

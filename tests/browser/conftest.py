"""A real browser on the real application: Debian's Chromium, driven by Playwright.

If Chromium is missing, root installs it with apt; otherwise these tests are skipped with the
reason.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from tests.browser.chromium import PATIENT, find_chromium, launch
from tests.running.servers import Valkey
from tests.running.website import serve


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    # one worker of the suite installs it, while the others wait until it is complete
    with Path(tempfile.gettempdir(), f"chromium-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find_chromium()
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            install_chromium()
            found = find_chromium()
    if found is None:
        pytest.skip(
            "there is no Chromium, and it could not be installed (it takes root and apt-get)"
        )
    return found


def install_chromium() -> None:
    for command in (
        ("apt-get", "update"),
        ("apt-get", "install", "-y", "--no-install-recommends", "chromium"),
    ):
        subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for the session."""
    with sync_playwright() as playwright:
        started = launch(playwright, chromium)
        yield started
        started.close()


@dataclass
class Watched:
    """A page and its complaints: console errors (including refused scripts and styles) and failed
    requests.
    """

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught {error}"))
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type} {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def picture(self, name: str) -> None:
        """Take a screenshot of the whole page, if PAYPHONE_PICTURES names a folder."""
        folder, size = os.environ.get("PAYPHONE_PICTURES"), self.page.viewport_size
        if folder and size:
            self.page.screenshot(path=Path(folder) / f"{name}-{size['width']}.png", full_page=True)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.base}{path}")
        return self.page


@pytest.fixture
def watched(browser: Browser, website: str) -> Iterator[Callable[..., Watched]]:
    """Opens pages of a given width, each in a context of its own."""
    contexts: list[Any] = []

    def opened(width: int = 1280, **options: Any) -> Watched:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        contexts[-1].set_default_timeout(PATIENT)
        return Watched(contexts[-1].new_page(), website)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def website(database_url: str, valkey: Valkey, processes: Callable[..., Any]) -> str:
    """The URL of the application under gunicorn."""
    return serve(processes, OPERATOR_PASSWORD="opens the console")

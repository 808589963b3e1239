"""The Chromium that this machine has, as tests and pictures start it."""

from pathlib import Path

from playwright.sync_api import Browser, Playwright

PATIENT = 120_000  # milliseconds that a busy machine may take to show what is waited for
PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def find_chromium() -> str | None:
    """Its path, if there is one."""
    return next((path for path in PATHS if Path(path).exists()), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """A browser of its own; the caller closes it."""
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=PATIENT)

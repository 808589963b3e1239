"""This machine's Chromium, as tests and screenshots start it."""

from pathlib import Path

from playwright.sync_api import Browser, Playwright

PATIENT = 120_000  # milliseconds, because a busy machine shows pages slowly
PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def find_chromium() -> str | None:
    """Return the path of Chromium, or None."""
    return next((path for path in PATHS if Path(path).exists()), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """Start a browser; the caller closes it."""
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=PATIENT)

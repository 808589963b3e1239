"""The application as in production: gunicorn on a free port of this machine."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.running.ports import free_port
from tests.running.servers import wait_for


def serve(processes: Callable[..., Any], **env: str) -> str:
    """Start the application under gunicorn on a free port, and return its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    processes(
        "-m",
        "gunicorn",
        "-c",
        "web/server/gunicorn_conf.py",
        "web.app:create_app()",
        PORT=str(port),
        PUBLIC_URL=url,
        **env,
    )
    wait_for(lambda: httpx.get(f"{url}/healthz").status_code == 200, "the website answers")
    return url

"""The application as it is served: gunicorn on a free port of this machine."""

import socket
from collections.abc import Callable
from typing import Any

import httpx

from tests.servers import wait_for


def serve(processes: Callable[..., Any], **env: str) -> str:
    """Start the application under gunicorn on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
    wait_for(lambda: httpx.get(f"{url}/healthz").status_code == 200, "the website answers", 90)
    return url

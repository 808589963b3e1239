"""The environment of the demo's processes: free ports, and new random keys."""

import os
import secrets
import shutil
import socket
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from runtime.settings import Settings, get_settings
from simulation.places import STATE
from simulation.reaper import MARK

HOST = "127.0.0.1"
CLINIC_NUMBER = "+12025550100"
CLINIC_ZONE = "America/New_York"
# Below Linux's default ephemeral range, because a process binds its port only seconds after it was
# found free. In random order, so that demos that start together do not collide.
_PORTS = range(20_000, 32_000)
_ports = iter(secrets.SystemRandom().sample(_PORTS, len(_PORTS)))


def free_port(wanted: int = 0) -> int:
    """Return a free port outside Linux's default ephemeral range, or `wanted`; exits with a message
    if `wanted` is taken.
    """
    if wanted and not _is_free(wanted):
        sys.exit(
            f"Port {wanted} is taken by another program. Stop it, or run PORT=0 bin/demo, which"
            " picks a free one."
        )
    return wanted or next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def demo_settings(mode: str) -> dict[str, str]:
    """Return the demo's environment. Variables that are set win over the demo's own values; exits
    if the Stripe key is live, because the demo moves money.
    """
    if os.environ.get("STRIPE_SECRET_KEY", "").startswith(("sk_live_", "rk_live_")):
        sys.exit(
            "STRIPE_SECRET_KEY is a live key. The demo pays and refunds; unset it, or give the demo"
            " a test key."
        )
    port = free_port(get_settings().port)
    sandbox_port, redis_port, password = free_port(), free_port(), secrets.token_urlsafe(18)
    own = {
        "DATABASE_URL": f"sqlite:///{STATE / 'payphone.db'}",
        "REDIS_URL": f"redis://:{password}@{HOST}:{redis_port}/0",
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "PAYPHONE_SECRET_KEY": secrets.token_urlsafe(32),
        "OPERATOR_PASSWORD": secrets.token_urlsafe(9),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(12)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_CONNECT_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_API_BASE": f"http://{HOST}:{sandbox_port}",
        "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_API_BASE": f"http://{HOST}:{sandbox_port}",
        "SETUP_FEE": "9900 usd",
        "PAYPHONE_BUSINESS_SHIFT": str(until_mid_morning(datetime.now(UTC))),
        "VAPI_API_KEY": secrets.token_hex(16),
        "VAPI_PUBLIC_KEY": secrets.token_hex(16),
        "VAPI_WEBHOOK_SECRET": secrets.token_hex(16),
        "VAPI_API_BASE": f"http://{HOST}:{sandbox_port}",
        "GOOGLE_CLIENT_ID": f"{secrets.token_hex(8)}.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": f"GOCSPX-{secrets.token_hex(14)}",
        "GOOGLE_API_BASE": f"http://{HOST}:{sandbox_port}",
        "OPEN_DENTAL_API_BASE": f"http://{HOST}:{sandbox_port}/open-dental",
        "NEXHEALTH_API_BASE": f"http://{HOST}:{sandbox_port}/nexhealth",
    }
    embedded = "" if os.environ.get("REDIS_URL") else f"{redis_port} {password}"
    fixed = {
        "PAYPHONE_ENV": "demo",
        "PORT": str(port),
        "SANDBOX_URL": f"http://{HOST}:{sandbox_port}",
        MARK: os.environ.get(MARK) or secrets.token_hex(8),
        "EMBEDDED_REDIS": embedded,
        "CLINIC_NUMBER": CLINIC_NUMBER,
        "CLINIC_ZONE": CLINIC_ZONE,
        "STORY_MODE": mode,
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": str(shutil.get_terminal_size((110, 40)).columns),
    }
    if sys.stdout.isatty():
        fixed["FORCE_COLOR"] = "1"
    given = {name: value for name, value in os.environ.items() if value}
    return own | given | fixed | _without_proxy(given)


def _without_proxy(given: dict[str, str]) -> dict[str, str]:
    """Exempt this machine from any proxy: the demo only talks to itself."""
    kept = given.get("NO_PROXY") or given.get("no_proxy")
    hosts = ",".join(filter(None, [kept, HOST, "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def for_commands(env: dict[str, str]) -> dict[str, str]:
    """Return the settings that `bin/payphone --demo` uses, including those from this shell, because
    another shell might not have them.
    """
    return {
        name: value
        for name, value in env.items()
        if name.lower() in Settings.model_fields or os.environ.get(name) != value
    }


def until_mid_morning(now: datetime) -> int:
    """Return the seconds until half past ten at the clinic, because texts are not sent at night."""
    then = now.astimezone(ZoneInfo(CLINIC_ZONE)).replace(
        hour=10, minute=30, second=0, microsecond=0
    )
    # By timestamps, because subtracting two times of one zone ignores changes of its clocks.
    return int(then.timestamp() - now.timestamp())

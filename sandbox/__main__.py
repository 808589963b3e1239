"""``python -m sandbox``: the sandbox as one process, which exits at once on SIGTERM."""

import argparse
import os
import signal
import sys
from types import FrameType

from sandbox import state_file
from sandbox.app import create_app
from sandbox.sandbox import Sandbox
from sandbox.server import listen
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_account, add_sender
from sandbox.vapi.control import add_key


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="sandbox", description="Stand-ins for Payphone's providers."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument(
        "--public-url", default="", help="base URL of links, if not the one requested"
    )
    parser.add_argument(
        "--state-file", default="", help="file in which to keep state across restarts"
    )
    parser.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="URL",
        help="send the platform's Stripe events to URL, signed with $STRIPE_WEBHOOK_SECRET",
    )
    parser.add_argument(
        "--connect-endpoint",
        action="append",
        default=[],
        metavar="URL",
        help="send connected accounts' events to URL, signed with $STRIPE_CONNECT_WEBHOOK_SECRET",
    )
    parser.add_argument(
        "--twilio-account",
        default="",
        metavar="SID",
        help="the Twilio account that receives texts; its token is $TWILIO_AUTH_TOKEN",
    )
    parser.add_argument(
        "--twilio-sender",
        action="append",
        default=[],
        metavar="NUMBER[,SERVICE[,URL[,FALLBACK]]]",
        help="a number of that account",
    )
    parser.add_argument(
        "--vapi",
        action="store_true",
        help="accept $VAPI_API_KEY and $VAPI_PUBLIC_KEY as Vapi's keys",
    )
    parser.add_argument("--seed", type=int, default=None, help="generate the same ids in each run")
    return parser.parse_args()


def secret(name: str) -> str:
    """Return the first of the comma-separated values of a secret, or exit if it is not set.

    Secrets come from the environment: every user of the machine can read a command line.
    """
    first = os.environ.get(name, "").split(",")[0].strip()
    if not first:
        sys.exit(f"{name} is not set, but the stand-in needs it.")
    return first


def prepare(sandbox: Sandbox, chosen: argparse.Namespace) -> None:
    """Set up endpoints, accounts and keys, and Google's client if $GOOGLE_CLIENT_ID is set."""
    for url in chosen.endpoint:
        sandbox.stripe.add_endpoint(url, secret("STRIPE_WEBHOOK_SECRET"))
    for url in chosen.connect_endpoint:
        sandbox.stripe.add_endpoint(url, secret("STRIPE_CONNECT_WEBHOOK_SECRET"), connect=True)
    if chosen.twilio_account:
        add_account(sandbox.twilio, chosen.twilio_account, secret("TWILIO_AUTH_TOKEN"))
    for sender in chosen.twilio_sender:
        add_sender(sandbox.twilio, Sender(*sender.split(",", 3)))
    if chosen.vapi:
        add_key(sandbox.vapi, secret("VAPI_API_KEY"))
        if public := os.environ.get("VAPI_PUBLIC_KEY"):
            sandbox.vapi.books.public_keys.add(public)
    if client := os.environ.get("GOOGLE_CLIENT_ID"):
        sandbox.integrations.google.clients[client] = secret("GOOGLE_CLIENT_SECRET")


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    chosen = options()
    sandbox = Sandbox(seed=chosen.seed)
    app = create_app(sandbox, public_url=chosen.public_url, state_path=chosen.state_file)
    prepare(sandbox, chosen)
    server = listen(app, chosen.host, chosen.port)

    def stop(signum: int, frame: FrameType | None) -> None:
        """Break out of ``serve_forever``, so that ``main`` saves outside any request's lock and
        exits without waiting for hanging requests.
        """
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"sandbox listening on {server.url}", flush=True)
    try:
        server.serve_forever()
    except SystemExit:
        if chosen.state_file:
            state_file.save(sandbox, chosen.state_file)
        os._exit(0)


if __name__ == "__main__":
    main()

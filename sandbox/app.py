"""The sandbox over HTTP: ``gunicorn 'sandbox.app:create_app()' --workers 1 --threads 16``."""

import re

import falcon

from sandbox import control, state_file, state_page
from sandbox.deliverer import Deliverer
from sandbox.integrations.control import add_routes as add_integrations_control
from sandbox.integrations.provider import PROVIDERS
from sandbox.provider_server import Sink
from sandbox.sandbox import Sandbox
from sandbox.stripe.pages.elements import add_routes as add_elements
from sandbox.stripe.pages.hosted import add_routes as add_stripe_pages
from sandbox.twilio.control import add_routes as add_twilio_control
from sandbox.vapi.books import KINDS
from sandbox.vapi.control import add_routes as add_vapi_control
from sandbox.vapi.live import LIVE
from sandbox.wire import App

# each of Twilio's hosts is served below its first label: `https://api.twilio.com/…` at `/api/…`
TWILIO = re.compile(
    "/(api/2010-04-01|pricing|trunking|messaging|lookups|numbers|numbers-upload)(/|$)"
)


def create_app(
    sandbox: Sandbox | None = None,
    *,
    public_url: str = "",
    state_path: str = "",
    deliver: bool = True,
) -> App:
    """Build the app. Links use ``public_url``, or else the address of the request; ``deliver``
    starts the threads that send webhooks.
    """
    sandbox = sandbox or Sandbox()
    sandbox.shared.public_url = public_url.rstrip("/")
    if state_path:
        state_file.keep(sandbox, state_path)
    app = falcon.App()
    vapi = Sink(sandbox.vapi.serve, largest=1 << 25, as_bytes=True)
    app.add_sink(Sink(sandbox.stripe.serve), prefix="/v1")
    app.add_sink(Sink(sandbox.twilio.serve, prefix="/api"), prefix=TWILIO)
    app.add_sink(vapi, prefix=re.compile(rf"/({'|'.join(KINDS)}|{LIVE})(/.*)?$"))
    app.add_sink(Sink(sandbox.integrations.serve), prefix=re.compile("|".join(PROVIDERS)))
    control.add_routes(app, sandbox)
    add_twilio_control(app, sandbox.twilio)
    add_vapi_control(app, sandbox.vapi)
    add_integrations_control(app, sandbox.integrations)
    add_stripe_pages(app, sandbox.stripe)
    add_elements(app)
    state_page.add_routes(app, sandbox)
    if deliver:
        Deliverer(sandbox).start()
    return app

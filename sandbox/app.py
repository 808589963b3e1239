"""The sandbox over HTTP: ``gunicorn 'sandbox.app:create_app()' --workers 1 --threads 16``."""

import falcon

from sandbox import control, state_file, state_page
from sandbox.deliverer import Deliverer
from sandbox.integrations.control import add_routes as add_integrations_control
from sandbox.integrations.door import PREFIX as INTEGRATIONS
from sandbox.integrations.door import IntegrationsDoor
from sandbox.sandbox import Sandbox
from sandbox.stripe.door import StripeDoor
from sandbox.stripe.elements import add_routes as add_elements
from sandbox.stripe.hosted import add_routes as add_stripe_pages
from sandbox.twilio.control import add_routes as add_twilio_control
from sandbox.twilio.door import TwilioDoor
from sandbox.vapi.control import add_routes as add_vapi_control
from sandbox.vapi.door import PREFIX as VAPI
from sandbox.vapi.door import VapiDoor
from sandbox.wire import App


def create_app(
    sandbox: Sandbox | None = None,
    *,
    public_url: str = "",
    state_path: str = "",
    deliver: bool = True,
) -> App:
    """Build the app; ``public_url`` is for links, else the request's own address; ``deliver``
    starts the webhooks.
    """
    sandbox = sandbox or Sandbox()
    sandbox.shared.public_url = public_url.rstrip("/")
    if state_path:
        state_file.keep(sandbox, state_path)
    app = falcon.App()
    app.add_sink(StripeDoor(sandbox.stripe), prefix="/v1")
    for prefix in (
        "/api/2010-04-01",
        "/pricing",
        "/trunking",
        "/messaging",
        "/lookups",
        "/numbers",
        "/numbers-upload",
    ):
        app.add_sink(TwilioDoor(sandbox.twilio), prefix=prefix)
    app.add_sink(VapiDoor(sandbox.vapi), prefix=VAPI)
    app.add_sink(IntegrationsDoor(sandbox.integrations), prefix=INTEGRATIONS)
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

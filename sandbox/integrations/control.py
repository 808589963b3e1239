"""What a test or a demo can do at the services that clinics connect."""

import falcon

from sandbox.control import body_of
from sandbox.integrations.authorization import Authorization
from sandbox.integrations.provider import Integrations
from sandbox.wire import App


class IntegrationsControl:
    """Resources under ``/sandbox/integrations``."""

    def __init__(self, integrations: Integrations) -> None:
        """Control the stand-ins."""
        self.integrations = integrations
        self.shared = integrations.shared

    def on_post_clients(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Register our product as a client: ``{server: google|oauth, clientId, clientSecret}``."""
        body = body_of(req)
        with self.shared.lock:
            self._server(body).clients[str(body["clientId"])] = str(body["clientSecret"])
        resp.media = {"registered": True}

    def on_post_habits(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change how a server behaves: ``{server, consents?, rotates?, lasts?, …}``."""
        body = body_of(req)
        with self.shared.lock:
            server = self._server(body)
            for name, value in body.items():
                if name != "server":
                    kind = type(getattr(server.habits, name))
                    setattr(server.habits, name, kind(value))
        resp.media = {"changed": True}

    def on_post_end(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Withdraw a clinic's consent at the server: ``{server, code?}``, the code that began it;
        without one, all grants end.
        """
        body = body_of(req)
        with self.shared.lock:
            server, code = self._server(body), body.get("code")
            ended = [name for name, grant in server.grants.items() if code in {None, grant["code"]}]
            for grant in ended:
                server.end(grant)
        resp.media = {"ended": len(ended)}

    def on_get_grants(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return each server's live grants with the code that began them, the ended ones, and all
        its tokens, for tests only.
        """
        integrations = self.integrations
        with self.shared.lock:
            resp.media = {
                name: {
                    "live": list(server.grants.values()),
                    "ended": list(server.ended),
                    "tokens": [*server.refresh, *server.access, *server.burnt],
                }
                for name, server in (("google", integrations.google), ("oauth", integrations.oauth))
            }

    def on_post_practice(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Fill calendars and add keys: ``{busy?, slots?, starts?, keyPair?, apiKey?}``."""
        body, practice = body_of(req), self.integrations.practice
        with self.shared.lock:
            for name in ("busy", "slots", "starts", "unreadable", "lasts"):
                if name in body:
                    setattr(practice, name, body[name])
            if "keyPair" in body:
                practice.key_pairs.add(str(body["keyPair"]))
            if "apiKey" in body:
                practice.api_keys.add(str(body["apiKey"]))
        resp.media = {"changed": True}

    def _server(self, body: dict[str, object]) -> Authorization:
        name = str(body.get("server"))
        if name not in {"google", "oauth"}:
            raise ValueError("server must be google or oauth")
        server: Authorization = getattr(self.integrations, name)
        return server


def add_routes(app: App, integrations: Integrations) -> None:
    """Put the control under ``/sandbox/integrations``."""
    control = IntegrationsControl(integrations)
    for name in ("clients", "habits", "end", "grants", "practice"):
        app.add_route(f"/sandbox/integrations/{name}", control, suffix=name)

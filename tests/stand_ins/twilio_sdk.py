"""Twilio's own SDK, pointed at the stand-in, to test the stand-in independently of our client."""

from typing import Any
from urllib.parse import urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN


class Redirected(TwilioHttpClient):
    """Maps each of Twilio's hosts to a path below its first label."""

    def __init__(self, base: str, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.base = base

    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        label, _, rest = (urlsplit(url).hostname or "").partition(".")
        there = url.replace(f"https://{label}.{rest}", f"{self.base}/{label}")
        return super().request(method, there, *args, **more)


def client(
    world: Any, sid: str = MAGIC_ACCOUNT, token: str = MAGIC_TOKEN, timeout: float = 5
) -> Client:
    return Client(sid, token, http_client=Redirected(world.url, timeout))

"""Where a request comes from, as far as it can be believed."""

import falcon

from runtime.settings import get_settings


def client_address(req: falcon.Request) -> str:
    """The nearest address that is no proxy of ours (`TRUSTED_PROXIES`, else this machine).

    What a client writes into `X-Forwarded-For` itself is never reached: hops are read from our end.
    """
    settings = get_settings().trusted_proxies
    trusted = {part.strip() for part in (settings or "127.0.0.1").split(",")}
    hops = [hop for hop in req.access_route if hop]
    while len(hops) > 1 and hops[-1] in trusted:
        hops.pop()
    return hops[-1] if hops else "unknown"

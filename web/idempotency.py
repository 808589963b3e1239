"""`Idempotency-Key` on a POST: one transaction holds the key, the work and the answer.

So a request that crashed left nothing and may be sent again, and one that arrives twice at once waits
for the first to commit and then gets its answer.
"""

import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import falcon

from models.base import execute, to_micros, transaction
from models.idempotency_key import IdempotencyKey
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.settings import get_settings
from web.auth import caller_of
from web.body import read_json
from web.problems import Problem

MAX_KEY = 255

Responder = Callable[..., Any]


def idempotent(responder: Responder) -> Responder:
    """Make `responder(self, req, resp, document, **params)` run once per idempotency key, in one transaction.

    The responder is given the parsed body; what it sets on `resp` (status, media, Location) is kept.
    """

    @functools.wraps(responder)
    def wrapped(self: object, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        caller, document, key = caller_of(req), read_json(req), req.get_header("Idempotency-Key")
        with transaction():
            if key is None:
                responder(self, req, resp, document, **params)
                return
            scope = f"{caller.key_id}:{caller.account.id if caller.account else ''}"
            first = _first(scope, _checked(key), _digest(req, document))
            if first is not None:
                _replay(resp, first)
                return
            responder(self, req, resp, document, **params)
            _keep(scope, key, resp)

    return wrapped


def _checked(key: str) -> str:
    if not key or len(key) > MAX_KEY:
        raise Problem("bad_request", f"Idempotency-Key has {len(key)} characters; 1 to {MAX_KEY} are taken.")
    return key


def _digest(req: falcon.Request, document: Any) -> str:
    """A keyed digest of what was asked, so that the kept row says nothing about the body."""
    secret = (get_settings().secret_keys or ("unset",))[-1]
    asked = json.dumps([req.method, req.path, document], sort_keys=True, separators=(",", ":"))
    return hmac.new(secret.encode(), asked.encode(), hashlib.sha256).hexdigest()


def _first(scope: str, key: str, digest: str) -> IdempotencyKey | None:
    """Take the key; None if it was free, the first request's row if it was not. Raises Problem 422."""
    taken = execute(
        "INSERT INTO idempotency_key (id, scope, key, digest, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, key) DO NOTHING RETURNING id",
        (new_id("idem"), scope, key, digest, to_micros(real_now())),
    ).fetchone()
    if taken is not None:
        return None
    row: IdempotencyKey = IdempotencyKey.get((IdempotencyKey.scope == scope) & (IdempotencyKey.key == key))
    if row.digest != digest:
        raise Problem("idempotency_key_reused", "This Idempotency-Key came with another request before. Use a fresh one.")
    return row


def _replay(resp: falcon.Response, first: IdempotencyKey) -> None:
    resp.status = falcon.code_to_http_status(first.status or 200)
    resp.media = json.loads(first.answer or "{}")
    if first.location:
        resp.set_header("Location", first.location)
    resp.set_header("Idempotent-Replayed", "true")


def _keep(scope: str, key: str, resp: falcon.Response) -> None:
    answer = {"status": resp.status_code, "answer": json.dumps(resp.media), "location": resp.get_header("Location")}
    IdempotencyKey.update(answer).where((IdempotencyKey.scope == scope) & (IdempotencyKey.key == key)).execute()

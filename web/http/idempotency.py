"""`Idempotency-Key` on a POST: one transaction stores the key, the work and the answer.

A request that crashed has therefore left nothing behind and can be sent again; if it arrives twice
at once, the second waits for the first to commit and gets its answer. The stored answer is
encrypted with the caller's own key (or the token of their session), of which we keep only the hash:
the caller can read it, a reader of the table cannot. From another session of the same operator, the
same key is refused as reused: nothing is done twice.
"""

import contextlib
import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import falcon

from models.base import to_micros
from models.delivery.idempotency_key import IdempotencyKey
from models.transactions import execute, retry_on_conflict, transaction
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.killpoint import killpoint
from runtime.secret_box import box_of
from web.http.body import read_json
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.guards.auth import Caller, caller_of
from web.http.outcome import accept
from web.http.problems import Problem

MAX_KEY = 255
# how long a repetition of an unfinished request gets `idempotency_in_progress`
RUNNING = timedelta(seconds=30)

REUSED = "This Idempotency-Key was used for another request. Use a new one."
# the digest is keyed with the session's token: the same request from another one looks different
REUSED_BY_OPERATOR = (
    "This Idempotency-Key was used for another request, or for this one before you signed in again."
    " Read what it changed before you use a new one."
)

Responder = Callable[..., Any]


class _Unprepared(Exception):
    """A request was not prepared because its key was known, and the key has been deleted since."""


def key_required(responder: Responder) -> Responder:
    """Make an `idempotent` responder refuse requests without a key: it moves money, and a client
    that gets no answer could not repeat the request safely.
    """

    @functools.wraps(responder)
    def wrapped(self: object, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        caller_of(req)
        if req.get_header("Idempotency-Key") is None:
            raise Problem(
                "idempotency_key_required",
                "Send an Idempotency-Key header: 1 to 255 characters, new for each operation, and"
                " the same when you repeat it.",
            )
        responder(self, req, resp, **params)

    return wrapped


def idempotent(responder: Responder) -> Responder:
    """Make `responder(self, req, resp, document, **params)` run once per idempotency key, in one
    transaction.

    The responder gets the parsed body; what it sets on `resp` (status, media, Location) is stored.
    A responder that returns `DeferredAnswer` has staged a job: after the commit the job is
    performed, and `self.render(req, resp, reference)` answers from rows. A repeated request renders
    the same rows again, after performing any job that `self.resume(reference)`, if defined, finds
    begun by nobody. For a stored answer, `self.resume_kept(answer)` can do the same.

    `req.context.document` is the parsed body, for what an answer repeats from it and no row keeps.
    If a provider must be called before anything is written, `self.prepare(req, document, **params)`
    does it: before the transaction, and for a first request only. `self.read_body(req)` parses
    bodies that may not be JSON.
    """

    @functools.wraps(responder)
    def wrapped(self: object, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        caller, key = caller_of(req), req.get_header("Idempotency-Key")
        document = getattr(self, "read_body", read_json)(req)
        req.context.document = document
        scope = _scope(caller)
        prepare = functools.partial(getattr(self, "prepare", _nothing), req, document, **params)
        respond = functools.partial(responder, self, req, resp, document, **params)
        about = _default_location(req, document, params)
        run = functools.partial(_run_or_replay, self, req, resp, scope, key, document, about)
        is_known = hasattr(self, "prepare") and _is_known(scope, key)
        later = _run(run, prepare, respond, is_known=is_known)
        killpoint("request.after_commit")
        if not isinstance(later, DeferredAnswer) or not later.reference:
            accept(req, resp.get_header("Location") or about)
        elif later.location:
            accept(req, later.location)
        if isinstance(later, DeferredAnswer):
            later.perform()
            if later.reference:
                _render(self, req, resp, later.reference, scope, key)

    return wrapped


def request_key(req: falcon.Request) -> tuple[str, ...]:
    """What identifies a request and its repetitions: its caller, its Idempotency-Key and its body.
    Empty without a key.
    """
    key = req.get_header("Idempotency-Key")
    if key is None or not hasattr(req.context, "document"):
        return ()
    return _scope(caller_of(req)), key, _digest(req, req.context.document)


def _scope(caller: Caller) -> str:
    return f"{caller.id}:{caller.account.id if caller.account else ''}"


def _run(
    run: Callable[[Callable[[], Any]], Any],
    prepare: Callable[[], Any],
    respond: Callable[[], Any],
    *,
    is_known: bool,
) -> Any:
    """Run the request, prepared unless its key `is_known`. A key that is deleted meanwhile is not
    known any more.
    """
    if is_known:
        with contextlib.suppress(_Unprepared):
            return retry_on_conflict(lambda: run(_unprepared))
    prepare()
    return retry_on_conflict(lambda: run(respond))


def _unprepared() -> None:
    raise _Unprepared


def _nothing(*_request: Any, **_params: Any) -> None:
    """Prepare a request that needs no preparation."""


def _run_or_replay(
    handler: Any,
    req: falcon.Request,
    resp: falcon.Response,
    scope: str,
    key: str | None,
    document: Any,
    about: str,
    respond: Callable[[], Any],
) -> Any:
    """Run the request's own transaction: its work, or a replay of the first answer."""
    with transaction():
        first = None if key is None else _claim_key(req, scope, _checked(key), document)
        if first is not None:
            if first.location or not first.reference:  # else there was nothing to do
                accept(req, first.location or about)
            later = _replay(handler, req, resp, first)
        else:
            later = respond()
        if key is not None and first is None:
            _store_answer(scope, key, req, resp, later)
        killpoint("request.before_commit")
    return later


def _render(
    handler: Any,
    req: falcon.Request,
    resp: falcon.Response,
    reference: str,
    scope: str,
    key: str | None,
) -> None:
    try:
        handler.render(req, resp, reference)
    finally:  # after an error too: a repetition need not wait until RUNNING is over
        if key is not None:
            _store_status(scope, key, resp)


def _is_known(scope: str, key: str | None) -> bool:
    return key is not None and bool(
        IdempotencyKey.select()
        .where(IdempotencyKey.scope == scope, IdempotencyKey.key == key)
        .exists()
    )


def _checked(key: str) -> str:
    if not key or len(key) > MAX_KEY:
        raise Problem(
            "bad_request",
            f"Idempotency-Key has {len(key)} characters; it must have 1 to {MAX_KEY}.",
        )
    return key


def _digest(req: falcon.Request, document: Any) -> str:
    """A digest of the request, keyed with the caller's secret, so that the stored row reveals
    nothing about the body.
    """
    asked = json.dumps([req.method, req.path, document], sort_keys=True, separators=(",", ":"))
    return hmac.new(caller_of(req).secret.encode(), asked.encode(), hashlib.sha256).hexdigest()


def _claim_key(req: falcon.Request, scope: str, key: str, document: Any) -> IdempotencyKey | None:
    """Claim the key: None if it was free, else the first request's row. Raises Problem 422."""
    digest = _digest(req, document)
    taken = execute(
        "INSERT INTO idempotency_key (id, scope, key, digest, created_at) VALUES (?, ?, ?, ?, ?) ON"
        " CONFLICT (scope, key) DO NOTHING RETURNING id",
        (new_id("idem"), scope, key, digest, to_micros(real_now())),
    ).fetchone()
    if taken is not None:
        return None
    row: IdempotencyKey = IdempotencyKey.get(
        (IdempotencyKey.scope == scope) & (IdempotencyKey.key == key)
    )
    if row.digest != digest:
        is_session = caller_of(req).actor.startswith("operator:")
        raise Problem("idempotency_key_reused", REUSED_BY_OPERATOR if is_session else REUSED)
    return row


def _default_location(req: falcon.Request, document: Any, params: dict[str, Any]) -> str:
    """Where to read what a request changed, if it set no Location itself."""
    named = document.get("invoiceId") if isinstance(document, dict) else None
    invoice_id = params.get("invoice_id") or named
    if invoice_id:
        return f"/api/invoices/{invoice_id}"
    return req.path.rpartition("/")[0] if params else req.path


def _replay(
    handler: Any, req: falcon.Request, resp: falcon.Response, first: IdempotencyKey
) -> DeferredAnswer | None:
    """Repeat the first answer, and mark it as a replay. Raises Problem 409 if there is no answer
    yet, or none any more.
    """
    if first.reference:
        if first.status is None and real_now() - first.created_at < RUNNING:
            raise Problem(
                "idempotency_in_progress",
                "Wait for its answer, then retry with the same key.",
                headers={"Retry-After": "2"},
            )
        resp.set_header("Idempotent-Replayed", "true")
        resume = getattr(handler, "resume", None)
        perform = resume(first.reference) if resume else nothing_to_perform
        return DeferredAnswer(first.reference, perform, first.location or "")
    if first.answer is None:
        raise Problem(
            "conflict",
            "The first request with this key was carried out, but its answer is no longer kept."
            " Read what it created.",
        )
    resp.set_header("Idempotent-Replayed", "true")
    resp.status = falcon.code_to_http_status(first.status or 200)
    resp.media = json.loads(box_of(caller_of(req).secret).decrypt(first.answer))
    if first.location:
        resp.set_header("Location", first.location)
    resume_kept = getattr(handler, "resume_kept", None)
    if resume_kept is None:
        return None
    return DeferredAnswer("", resume_kept(resp.media))


def _store_status(scope: str, key: str, resp: falcon.Response) -> None:
    """Complete the row of the first request, now that it has been answered."""
    row = (IdempotencyKey.scope == scope) & (IdempotencyKey.key == key)
    with transaction():
        IdempotencyKey.update(status=resp.status_code).where(row).execute()


def _store_answer(
    scope: str, key: str, req: falcon.Request, resp: falcon.Response, later: object
) -> None:
    if isinstance(later, DeferredAnswer):
        about = {"reference": later.reference, "location": later.location or None}
        IdempotencyKey.update(about).where(
            (IdempotencyKey.scope == scope) & (IdempotencyKey.key == key)
        ).execute()
        return
    sealed = box_of(caller_of(req).secret).encrypt(json.dumps(resp.media).encode()).decode()
    answer = {"status": resp.status_code, "answer": sealed, "location": resp.get_header("Location")}
    IdempotencyKey.update(answer).where(
        (IdempotencyKey.scope == scope) & (IdempotencyKey.key == key)
    ).execute()

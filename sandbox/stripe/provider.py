"""How the stand-in for Stripe serves a request: the key's account, the operation, once per
idempotency key, and faults on the way.
"""

import json
import time
from collections.abc import Callable
from http import HTTPStatus

from sandbox.faults import Fault
from sandbox.request_log import LoggedRequest, without_secrets
from sandbox.shared import Shared
from sandbox.stripe import api_keys, form, operations, params, timers, webhook_endpoints
from sandbox.stripe.account import API_VERSION, Account, Cause
from sandbox.stripe.errors import ApiError, Json, invalid, unrecognized
from sandbox.stripe.exchange import Answer, Request, server_error, trouble
from sandbox.stripe.expand import expanded
from sandbox.stripe.idempotency import Kept, Keys
from sandbox.stripe.shapes import shaped

PLATFORM = "acct_platform"
NO_TYPES = ("/v1/payment_intents", "/v1/setup_intents", "/v1/checkout/sessions")


class Stripe:
    """The stand-in's state: the platform's account, connected accounts, idempotency keys."""

    def __init__(self, shared: Shared) -> None:
        """Open the platform's account, on the state that all stand-ins share."""
        self.shared = shared
        self.pause: Callable[[float], None] = time.sleep
        self.clear()

    def clear(self) -> None:
        """Forget all objects and keys."""
        self.cause = Cause(base_url=self.shared.public_url)
        self.accounts: dict[str, Account] = {}
        self.keys = Keys()
        self.shared.outbox.signers["stripe"] = webhook_endpoints.sign
        timers.register(self.shared.timers, self.account)
        platform = self.open(PLATFORM)
        platform.private["self"] = shaped("account", id=PLATFORM, created=self.shared.now())

    def open(self, id: str) -> Account:
        """Open an account without objects."""
        account = self.accounts[id] = Account(id, self.shared, self.announce, self.cause)
        return account

    @property
    def platform(self) -> Account:
        """The platform's own account."""
        return self.accounts[PLATFORM]

    def account(self, id: str) -> Account:
        """Return an account, opened on first use; raises the 403 of an unknown one."""
        if id not in self.accounts and id in self.platform.tables.get("account", {}):
            self.open(id)
        if id not in self.accounts:
            raise ApiError(
                403,
                f"This key has no access to account '{id}', or there is none.",
                code="account_invalid",
                kept=False,
            )
        return self.accounts[id]

    def add_endpoint(self, url: str, secret: str, *, connect: bool = False) -> None:
        """Register a webhook endpoint with a secret that the receiver chose.

        The same URL is registered once, even across restarts.
        """
        with self.shared.lock:
            known = next(self.platform.each("webhook_endpoint", url=url), None)
            asked = {"url": url, "enabled_events": ["*"], "api_version": API_VERSION}
            made = known or webhook_endpoints.create(self.platform, asked | {"connect": connect})
            self.platform.secret(made["id"]).update(secret=secret, connect=connect)

    def announce(self, account: Account, event: Json) -> None:
        """Send an event to the account's endpoints, and a connected account's event to the
        platform's too.
        """
        sent = webhook_endpoints.post(account, event, connected=None)
        if account.id != PLATFORM:
            sent += webhook_endpoints.post(self.platform, event, connected=account.id)
        event["pending_webhooks"] = sent
        self.shared.changed.notify_all()

    def serve(self, request: Request) -> Answer:
        """Answer one request. Every request is logged, whatever its outcome."""
        entry = LoggedRequest(
            at=self.shared.wall(),
            provider="stripe",
            method=request.method,
            path=request.path,
            account=request.headers.get("stripe-account", PLATFORM),
            idempotency_key=request.key,
            params=None,
        )
        with self.shared.lock:
            self.shared.requests.note(entry)
            self.shared.tick()
            fault = self.shared.faults.take("stripe", request.method, request.path)
        entry.fault = fault.kind if fault else None
        answer = self._struck(request, entry, fault)
        entry.status = 0 if answer.ending else answer.status
        entry.performed = answer.performed
        return self._with_headers(request, answer)

    def _struck(self, request: Request, entry: LoggedRequest, fault: Fault | None) -> Answer:
        """Answer a request, applying the fault if there is one."""
        early = trouble(fault.kind, fault.seconds) if fault else None
        if early:
            return early
        answer = self._once(request, entry, fault)
        if fault and fault.kind == "timeout_after":
            answer.ending, answer.seconds = "hang", fault.seconds
        elif fault and fault.kind == "refuse_after":
            answer.ending = "reset"
        return answer

    def _once(self, request: Request, entry: LoggedRequest, fault: Fault | None) -> Answer:
        """Perform a request, or replay the first answer of its key."""
        kept: Kept | None = None
        try:
            account = self._authenticated(request)
            with self.shared.lock:
                kept = self._begun(account, request)
            if kept and kept.finished:
                entry.replayed = True
                return Answer(kept.status, kept.body, {"Idempotent-Replayed": "true"})
        except ApiError as error:
            return Answer(error.status, json.dumps(error.body), kept=error.kept)
        answer = Answer(0, "", kept=False)
        try:
            answer = self._answered(account, request, entry, fault)
        finally:
            with self.shared.lock:
                self._conclude(account, request, kept, answer)
        return answer

    def _authenticated(self, request: Request) -> Account:
        """Return the account that a request acts on, after checking its key."""
        api_keys.check_key(request)
        with self.shared.lock:
            return self.account(request.headers.get("stripe-account") or PLATFORM)

    def _begun(self, account: Account, request: Request) -> Kept | None:
        """Record the request under its key, or return the key's first request."""
        if request.key is None:
            return None
        return self.keys.begin(account.id, request.key, request.fingerprint, self.shared.now())

    def _conclude(
        self, account: Account, request: Request, kept: Kept | None, answer: Answer
    ) -> None:
        """Keep an answer for its key, or free the key if the request was not executed."""
        if kept is None or request.key is None:
            return
        if answer.kept:
            kept.status, kept.body = answer.status, answer.body
        else:
            self.keys.forget(account.id, request.key)

    def _answered(
        self, account: Account, request: Request, entry: LoggedRequest, fault: Fault | None
    ) -> Answer:
        """Perform a request, unless the fault prevents it; a fault can also hide the answer."""
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            self.pause(fault.seconds)
        if kind == "error_500_stored":
            return server_error()
        answer = self._performed(account, request, entry)
        if kind == "error_500_after" and answer.performed:
            answer = server_error()
            answer.performed = True
        return answer

    def _performed(self, account: Account, request: Request, entry: LoggedRequest) -> Answer:
        """Check and perform a request; errors become answers."""
        try:
            operation = operations.find(request.method, request.path)
            given = form.decode(request.form)
            entry.params = without_secrets(given)
            if operation is None:
                raise unrecognized(request.method, request.path)
            _refuse_types(request, given)
            api_keys.refuse_raw_card(request, given, self.shared.public_url or request.base_url)
            checked = params.check(operation.params_class, given)
            with self.shared.lock:
                self._set_cause(request)
                try:
                    result = operation.perform(account, checked, *operation.ids)
                    body = json.dumps(expanded(account, result, checked.get("expand", [])))
                finally:
                    self._clear_cause()
            return Answer(200, body, performed=True)
        except ApiError as error:
            return Answer(
                error.status,
                json.dumps(error.body),
                kept=error.kept,
                performed=error.status == HTTPStatus.PAYMENT_REQUIRED,
            )

    def _clear_cause(self) -> None:
        """Clear the cause: what follows happens by itself or by a test's action."""
        self.cause.request_id = self.cause.idempotency_key = None

    def _set_cause(self, request: Request) -> None:
        """Set the cause, so that events and links carry this request's id, key and address."""
        self.cause.request_id = self.shared.ids.new("req", 14)
        self.cause.idempotency_key = request.key
        self.cause.base_url = self.shared.public_url or request.base_url

    def _with_headers(self, request: Request, answer: Answer) -> Answer:
        """Add the headers that every answer has."""
        answer.headers.setdefault("Content-Type", "application/json")
        answer.headers |= {
            "Request-Id": self.shared.ids.new("req", 14),
            "Stripe-Version": API_VERSION,
        }
        if request.key:
            answer.headers["Idempotency-Key"] = request.key
        return answer


def _refuse_types(request: Request, given: Json) -> None:
    """Refuse a list of payment method types, which this API version no longer accepts."""
    if (
        request.method == "POST"
        and "payment_method_types" in given
        and request.path.startswith(NO_TYPES)
    ):
        raise invalid(
            "payment_method_types is no longer supported: use automatic or"
            " allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )

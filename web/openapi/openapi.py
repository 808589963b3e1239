"""The API documents itself: a declaration beside each responder, and one OpenAPI document generated
from all of them.

`@documented(…)` stands above `@idempotent`. At run time it only sets `needs_key`, which the guards
read: bodies are validated by the models that it names (`web.http.body.check`), and the tests check
every answer against the document.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from http import HTTPStatus
from threading import Lock
from typing import Any, Literal, TypeVar

import falcon
from pydantic import BaseModel, ConfigDict, Field
from spectree import Response, SecurityScheme, SpecTree
from spectree.model_adapter.protocol import SchemaMode
from spectree.models import SecureType, SecuritySchemeData

from runtime.settings import get_settings
from web.http.guards.payment_guard import is_payment_route
from web.http.outcome import Accepted
from web.http.problems import PROBLEMS

Auth = Literal["key", "operator", "signature", "open"]
Responder = TypeVar("Responder", bound=Callable[..., Any])

ALWAYS = ("bad_request", "card_number_refused", "unavailable")
WITH_KEY = ("unauthenticated", "forbidden", "not_found", "invalid")
WITH_BODY = ("body_too_large", "conflict")
# a repeated request whose answer is no longer kept is a conflict
WITH_REPEAT = ("body_too_large", "conflict", "idempotency_key_reused", "idempotency_in_progress")

# what web.http.guards.payment_guard answers
PAYMENT_GUARD = {"403": "https_required", "429": "rate_limited"}

ABOUT = """Send a clinic's invoices, take payments by link, card or phone, and follow what was paid.

Amounts are integers in the currency's minor unit, times are RFC 3339 in UTC.

Send `Authorization: Bearer <key>`. An object of another account is answered with 404. Errors are
`application/problem+json` (RFC 9457) with a stable `code`. Lists take `limit` (at most 100) and
`startingAfter`. A POST takes `Idempotency-Key`: the same one and the same body return the first
answer again, for 48 hours; each API key has its own. Without a clear answer, repeat with the same
key: 503 `outcome_unknown` means that it may have been accepted, 202 with `accepted` that it was:
read it at its `Location`. HEAD is answered wherever GET is. Card numbers are refused in any field
and never stored.

A page of this server may call the API for the operator who is signed in, by the session's cookie:
it names the account in `Payphone-Account` and sends the session's token in `X-CSRF-Token` with
anything but GET. What the operator's scope does not include is answered with 403 `forbidden`, whose
`missing` is the scope, the account or `all_accounts`."""


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details; some codes add members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    next: str
    errors: list[FieldProblem] = Field(default_factory=list)


class KeyHeaders(BaseModel):
    """Headers of a request with an API key."""

    account: str | None = Field(
        default=None,
        alias="Payphone-Account",
        description="Only from an operator: the account to act for.",
    )


class RepeatHeaders(KeyHeaders):
    """Headers of a request that can be retried safely."""

    idempotency_key: str | None = Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text; use a new one for each operation. Kept for 48 hours.",
    )


class KeyedHeaders(RepeatHeaders):
    """Headers of a request that moves money, and so must be safe to repeat."""

    idempotency_key: str = Field(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text; a new one for each operation, the same one for its repetition.",
    )


class PageQuery(BaseModel):
    """A page of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="Maximum number of items.")
    starting_after: str | None = Field(
        default=None,
        alias="startingAfter",
        description=(
            "The id of the last item of the previous page; an id that is not in the list is refused"
            " with 422."
        ),
    )


class _Tree(SpecTree):
    """The declarations for spectree, built when a document is first requested: the schemas of all
    models take longer than the rest of a start, and memory in each process.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._declared: dict[Any, dict[str, Any]] = {}
        self._described: dict[Any, Any] = {}
        self._built: dict[str, tuple[Any, str]] = {}

    def declare(self, responder: Any, **declaration: Any) -> None:
        """Register the declaration of a responder."""
        self._declared[responder] = declaration

    def describe_all(self) -> None:
        """Build the schemas of all declarations that have none yet."""
        for responder, declaration in self._declared.items():
            if responder not in self._described:
                self._described[responder] = self.validate(**declaration)(responder)

    def _add_model(self, model: Any, mode: SchemaMode = "validation") -> str:
        """Build a model's schema once: every responder names those of problems, several times."""
        name = self.naming_strategy(model)
        if self._built.get(name) != (model, mode):
            super()._add_model(model, mode)
            self._built[name] = model, mode
        return name

    def get_function_metadata(self, func: Any) -> Any:
        """The metadata of a responder, plain or bound to its resource as routes have it."""
        plain = getattr(func, "__func__", func)
        return super().get_function_metadata(self._described.get(plain, plain))

    def is_declared(self, func: Any) -> bool:
        """Whether a responder has a declaration."""
        return getattr(func, "__func__", func) in self._declared


_making = Lock()
_tree = _Tree(
    "falcon",
    mode="strict",
    annotations=False,
    title="Payphone",
    version="0.1.0",
    description=ABOUT,
    security_schemes=[
        SecurityScheme(
            name="key",
            data=SecuritySchemeData(
                type=SecureType.HTTP, scheme="bearer", description="An API key."
            ),
        )
    ],
    security={"key": []},
    validation_error_model=ProblemDetails,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)


def documented(
    tag: str,
    answers: Mapping[int, type[BaseModel] | None],
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    problems: Sequence[str] = (),
    auth: Auth = "key",
) -> Callable[[Responder], Responder]:
    """Describe a responder: what it accepts, what it answers, and its own problem codes.

    `auth`: who may call it (an account's key, an operator's key, a provider's signature, anyone).
    Problems that every endpoint may answer (401, 404, 413 …) need not be named.
    """

    def describe(responder: Responder) -> Responder:
        keyed = auth in {"key", "operator"}
        repeats = responder.__name__ == "on_post"
        codes = [
            *ALWAYS,
            *(WITH_KEY if keyed else ()),
        ]
        codes += [
            *(WITH_BODY if body else ()),
            *(WITH_REPEAT if keyed and repeats else ()),
            *(("outcome_unknown",) if responder.__name__ != "on_get" else ()),
            *problems,
        ]
        headers = _headers(repeats, "idempotency_key_required" in problems) if keyed else None
        name = f"{responder.__qualname__.split('.')[0]}_{responder.__name__.removeprefix('on_')}"
        security: list[Any] | None = None if keyed else []
        _tree.declare(
            responder,
            query=query,
            json=body,
            headers=headers,
            resp=_answers(answers, codes),
            tags=(tag,),
            security=security,
            skip_validation=True,
            operation_id=name,
        )
        responder.needs_key = keyed  # type: ignore[attr-defined]
        return responder

    return describe


def _headers(repeats: bool, key_required: bool) -> type[KeyHeaders]:
    if key_required:
        return KeyedHeaders
    return RepeatHeaders if repeats else KeyHeaders


def _answers(answers: Mapping[int, type[BaseModel] | None], codes: Sequence[str]) -> Response:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    described: dict[str, Any] = {
        f"HTTP_{status}": (model, HTTPStatus(status).phrase) for status, model in answers.items()
    }
    for status, names in by_status.items():
        described[f"HTTP_{status}"] = (ProblemDetails, " · ".join(f"`{name}`" for name in names))
    return Response(**described)


def openapi_document(app: falcon.App) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every documented route of `app`."""
    with _making:  # two requests may be the first at once
        _tree.describe_all()
        _tree.app, models = app, deepcopy(_tree.models)
        # `spec` would cache the first application's for ever
        document: dict[str, Any] = _tree._generate_spec()  # noqa: SLF001
        _tree.models = models  # generating the document removes the nested models
    for path, operations in document["paths"].items():
        operations.pop("head", None)  # the same as GET: describe it once
        for operation in operations.values():
            _finish(operation, is_payment_route(path))
    document["components"]["schemas"]["Accepted"] = Accepted.model_json_schema()
    public = get_settings().public_url
    document["servers"] = [{"url": public or "/"}]
    return document


def _finish(operation: dict[str, Any], about_money: bool) -> None:
    """Add what spectree cannot: the payment guard's problems, the media type of problems,
    parameters that are never null.
    """
    for status, code in PAYMENT_GUARD.items() if about_money else ():
        described = operation["responses"].setdefault(
            status, deepcopy(operation["responses"]["503"]) | {"description": ""}
        )
        described["description"] = " · ".join(filter(None, [described["description"], f"`{code}`"]))
    if "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}:
        _add_accepted(operation["responses"])
    for status, answer in operation["responses"].items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            answer["content"] = {"application/problem+json": next(iter(answer["content"].values()))}
        if int(status) == HTTPStatus.TOO_MANY_REQUESTS:
            answer["headers"] = {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            }
    operation["parameters"] = [
        parameter | {"schema": _without_null(parameter["schema"])}
        for parameter in operation["parameters"]
    ]


def _add_accepted(responses: dict[str, Any]) -> None:
    """Any request that can be repeated is answered 202 if it was saved but its answer failed."""
    response = responses.setdefault(
        "202", {"description": HTTPStatus.ACCEPTED.phrase, "content": {}}
    )
    content = response["content"].setdefault("application/json", {"schema": None})
    known = content["schema"]
    accepted = {"$ref": "#/components/schemas/Accepted"}
    content["schema"] = {"anyOf": [known, accepted]} if known else accepted


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an optional parameter, which may be absent but never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {
        name: value
        for name, value in schema.items()
        if name not in {"anyOf", "title", "default"} or (name == "default" and value is not None)
    }
    return rest | kinds[0] if len(kinds) == 1 else schema


def is_documented(responder: Callable[..., Any]) -> bool:
    """Whether `responder` has a declaration."""
    return _tree.is_declared(responder)

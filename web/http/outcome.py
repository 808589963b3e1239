"""The answer when something fails during a request: it says whether anything was saved, as far as
is known.

`begin` is called before anything else, `accept` once a request's own transaction has committed.
"""

from typing import Literal

import falcon
from pydantic import BaseModel

from models.transactions import OutcomeUnknown, commits
from web.http.problems import Problem, write_problem

KEY = "Idempotency-Key"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAY_BE_SAVED = (
    "It may have been accepted: read it, or repeat the request with the same Idempotency-Key."
)
NOT_SAVED = "Nothing was saved. Send the request again."
# an earlier request with this key may have been saved
NOT_SAVED_NOW = "Nothing was saved by this request. Send it again with the same Idempotency-Key."


class Accepted(BaseModel):
    """The request was saved, but its result could not be shown. Read it at `location`, which is
    also the `Location` header, or repeat the request with the same Idempotency-Key.
    """

    accepted: Literal[True]
    location: str


def begin(req: falcon.Request) -> None:
    """Remember how many transactions this thread had committed before this request."""
    req.context.commits = commits()


def accept(req: falcon.Request, location: str) -> None:
    """Mark the request as saved: if anything fails from now on, answer 202 with `location`."""
    req.context.accepted = location


def answered_accepted(req: falcon.Request, resp: falcon.Response) -> bool:
    """After a failure, answer 202 if the request is known to be saved; return whether it is."""
    location: str | None = getattr(req.context, "accepted", None)
    if location is None:
        return False
    resp.status = falcon.HTTP_202
    resp.content_type = falcon.MEDIA_JSON
    resp.text = None
    resp.media = Accepted(accepted=True, location=location).model_dump()
    resp.set_header("Location", location)
    return True


def answer_database_down(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """Answer 202 if the request is known to be saved, else 503; `unavailable` only if it is known
    that nothing was saved.
    """
    if answered_accepted(req, resp):
        return
    code, detail = "unavailable", NOT_SAVED_NOW if req.get_header(KEY) else NOT_SAVED
    if req.method in SAFE:
        detail = "Send the request again."
    elif isinstance(error, OutcomeUnknown) or commits() != req.context.commits:
        code, detail = "outcome_unknown", MAY_BE_SAVED
    write_problem(resp, Problem(code, detail, headers={"Retry-After": "5"}))

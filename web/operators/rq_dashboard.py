"""rq-dashboard at `/rq`: behind the operators' login and read-only; its Requeue is our audited
replay.

It shows RQ's projection of the jobs; the rows are authoritative. So actions that would change only
the projection (delete, empty, compact) are refused, and Requeue replays the row: a dead job runs
again with the same arguments and key, any other is left unchanged.

Against CSRF, a POST needs the session's token in `X-CSRFToken`, which the dashboard's own script
sends if it finds it in the cookie `_csrf_token`. Only scripts of `/rq` can read that cookie; it
proves nothing by itself. GET never changes anything: the original's GET routes that would are
answered 405.
"""

import re
from http import HTTPStatus
from typing import Any

import falcon
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError

from delivery.rq.keys import parse_rq_id, rq_id
from models.accounts.operator_session import OperatorSession
from models.delivery.job_replay import replay, replay_all
from models.delivery.staged_job import StagedJob
from runtime.errors import Misconfigured
from runtime.ids import new_token
from runtime.settings import QUEUES, get_settings
from web.http.guards.auth import need
from web.http.guards.sessions import check_csrf, is_secure, require_session, session_of
from web.http.problems import Problem

REQUEUE_ONE = re.compile(r"/rq/job/([^/]+)/requeue")
REQUEUE_ALL = re.compile(r"/rq/requeue/([^/]+)")
CHANGES_RQ_ONLY = re.compile(r"/rq/(job/[^/]+/delete|queue/[^/]+/[^/]+/empty|queue/[^/]+/compact)")
REGISTRY = (
    r"[\w.-]+/(queued|scheduled|deferred|started|finished|failed|canceled)"
    r"/[1-9]\d{0,2}/(asc|dsc)/[1-9]\d{0,5}"
)
LOOKS = re.compile(
    rf"/rq/?|/rq/static/[\w./-]+|/rq/0/?|/rq/0/view(/(queues|workers|jobs/{REGISTRY}|job/[\w-]+))?"
    rf"|/rq/0/data/(queues|workers|jobs/{REGISTRY}|job/[\w-]+)\.json"
)
JOBS = "/rq/0/view/jobs"  # of RQ's own "default" queue, which we do not use

CSRF_HEADER = "X-CSRFToken"  # the name that the dashboard's own script uses


class RqDashboard:
    """The sink for everything under `/rq`."""

    def __init__(self) -> None:
        self._flask: Any = None  # made by the first look: few processes need Flask's 3 MiB

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_params: str) -> None:
        """Show an operator a page, or translate a POST that would change something."""
        if req.method in {"GET", "HEAD"}:
            self._look(req, resp)
        elif req.method == "POST":
            resp.media = self._change(req)
        else:
            raise falcon.HTTPMethodNotAllowed(["GET", "HEAD", "POST"])

    def _look(self, req: falcon.Request, resp: falcon.Response) -> None:
        if any(route.fullmatch(req.path) for route in (REQUEUE_ONE, REQUEUE_ALL, CHANGES_RQ_ONLY)):
            raise falcon.HTTPMethodNotAllowed(["POST"])
        if session_of(req) is None and "/data/" in req.path:
            raise Problem("unauthenticated", "Sign in at /login.")
        session = require_session(req)
        need(session.rights, "view")
        if req.path == JOBS:
            raise falcon.HTTPFound(f"{JOBS}/{QUEUES[0]}/queued/8/asc/1")
        if not LOOKS.fullmatch(req.path):
            raise Problem("not_found", f"There is nothing at {req.path[:80]}.")
        self._serve(req, resp, session)

    def _serve(self, req: falcon.Request, resp: falcon.Response, session: OperatorSession) -> None:
        """Answer with the response of the Flask application."""
        from web.operators import rq_flask  # noqa: PLC0415 - loads Flask

        self._flask = self._flask or rq_flask.make_dashboard()
        nonce = new_token(length=26)
        try:
            answer = rq_flask.ask(self._flask, req.env, nonce)
        except NoSuchJobError:
            raise Problem(
                "not_found",
                "RQ has no such job; it drops finished jobs after some minutes. The database still"
                " has the row.",
            ) from None
        except ValueError:
            raise Problem(
                "not_found", "This RQ entry is not one of our jobs: it cannot be read as JSON."
            ) from None
        except (RedisError, Misconfigured) as error:
            raise Problem(
                "unavailable",
                f"Redis does not answer ({type(error).__name__}). What was accepted is safe in the"
                " database.",
            ) from None
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise Problem("not_found", f"There is nothing at {req.path[:80]}.")
        resp.status, resp.data = answer.status_code, answer.get_data()
        for name in ("Content-Type", "Location", "Cache-Control", "ETag", "Last-Modified"):
            if name in answer.headers and not (
                answer.status_code == HTTPStatus.NOT_MODIFIED and name == "Content-Type"
            ):
                resp.set_header(name, answer.headers[name])
        if answer.mimetype == "text/html":
            policy = rq_flask.page_policy(nonce, answer.get_data(as_text=True))
            resp.set_header("Content-Security-Policy", policy)
            resp.set_cookie(
                "_csrf_token",
                session.csrf_token,
                path=rq_flask.PREFIX,
                secure=is_secure(),
                http_only=False,
                same_site="Strict",
            )

    def _change(self, req: falcon.Request) -> dict[str, object]:
        session = session_of(req)
        if session is None:
            raise Problem("unauthenticated", "Sign in at /login.")
        check_csrf(req, req.get_header(CSRF_HEADER) or "", session.csrf_token)
        need(session.rights, "act")
        actor = f"operator:{session.name}"
        if found := REQUEUE_ONE.fullmatch(req.path):
            return _replay_one(found[1], actor)
        if found := REQUEUE_ALL.fullmatch(req.path):
            if found[1] not in QUEUES:
                raise Problem("not_found", f"There is no queue {found[1][:40]}.")
            return {
                "status": "OK",
                "count": replay_all(actor, queue=found[1], rate=get_settings().backfill_rate),
            }
        if CHANGES_RQ_ONLY.fullmatch(req.path):
            raise Problem(
                "forbidden",
                "Jobs live in the database; RQ only carries them. Deleting one here would change"
                " nothing, so nothing was done.",
            )
        raise Problem("not_found", f"There is nothing at {req.path[:80]}.")


def _replay_one(identity: str, actor: str) -> dict[str, object]:
    """Replay the row behind an RQ id. Raises Problem 404 or 409."""
    job_id = parse_rq_id(identity)
    row = StagedJob.get_or_none(StagedJob.id == job_id) if job_id is not None else None
    if row is None or rq_id(row.name, row.id) != identity:
        raise Problem(
            "not_found", f"{identity[:80]} is not one of our jobs; there is nothing to run again."
        )
    if not replay(row.id, actor):
        why = {
            "waiting": "it will be retried automatically",
            "running": "it is running",
            "done": "it is done",
            "cancelled": "it was cancelled",
        }
        raise Problem(
            "conflict", f"{identity} was not changed: {why.get(row.state, 'it is no longer dead')}."
        )
    return {"status": "OK", "count": 1}

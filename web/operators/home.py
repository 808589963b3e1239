"""`/`: the operators' front page, with counts and links."""

import falcon

from models.effects.daily_limit import LIMITED
from models.effects.pause_switch import PAUSABLE
from models.reports.figures import (
    count_doubts,
    count_inbox,
    count_invoices,
    count_paused,
    count_states,
    count_to_refund,
)
from web.http.guards.sessions import require_session
from web.http.pages import show_page
from web.operators.health import Ready

STATES = ("waiting", "running", "dead", "done")  # always shown, even at 0
OUTCOMES = ("unprocessed", "refused", "unmatched", "applied")
STATUSES = ("sent", "overdue", "paid")
# overdue invoices, and unmatched events of other business at Stripe, are normal
ALARMING = {"dead", "refused", "in doubt", "to refund", *LIMITED}

Tile = tuple[str, int, bool]  # label, count, alarming


class Home:
    """The front page of the operators."""

    def __init__(self) -> None:
        self._ready = Ready()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Current counts from the database. They cover all accounts, so operators limited to some
        do not see them.
        """
        session = require_session(req)
        show_page(
            resp,
            "home.html",
            name=session.name,
            csrf_token=session.csrf_token,
            groups=_groups() if session.rights.missing_right("view") is None else [],
            reasons=self._ready.reasons(),
        )


def _groups() -> list[tuple[str, str, list[Tile]]]:
    """The figures of all accounts: (title, what they count, tiles)."""
    doubts, invoices = {"in doubt": sum(count_doubts().values())}, count_invoices() | _to_refund()
    return [
        ("Jobs", "by state", _tiles(count_states(), STATES)),
        ("Effects", "whose outcome is unknown", _tiles(doubts, ())),
        ("Events from providers", "by outcome", _tiles(count_inbox(), OUTCOMES)),
        ("Paused", "what is paused, by what it stops", _tiles(count_paused(), PAUSABLE)),
        ("Invoices", "by status", _tiles(invoices, STATUSES)),
    ]


def _to_refund() -> dict[str, int]:
    """Invoices with money to refund, if there are any."""
    count = count_to_refund()
    return {"to refund": count} if count else {}


def _tiles(counts: dict[str, int], always: tuple[str, ...]) -> list[Tile]:
    """The tiles of the names that are always shown, and of any others."""
    names = [*always, *(name for name in sorted(counts) if name not in always)]
    return [
        (name.replace("_", " "), counts.get(name, 0), name in ALARMING and bool(counts.get(name)))
        for name in names
    ]

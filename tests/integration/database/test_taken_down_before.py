"""Migration 0051 ends what earlier releases left `live` when the receptionist was taken down."""

import pytest

from models.deployment.deployment import Deployment
from models.migrate import _runner, migrate, pending
from runtime.clock import real_now
from tests import given

MIGRATION = "0051_taken_down_before"


@pytest.fixture
def before(database_url):
    """The database as the release before this migration left it."""
    while MIGRATION not in pending():
        _runner().down()


def deployed(account, *statuses: str) -> list[Deployment]:
    """The account's deployments, oldest first."""
    now = real_now()
    same = {
        "account": account,
        "method": "forwarded",
        "holds_slot": False,
        "message": "System is now live! ✓",
        "asked_by": "x",
        "created_at": now,
        "updated_at": now,
    }
    return [
        Deployment.create(id=f"dep_{account.id}_{number}", status=status, **same)
        for number, status in enumerate(statuses)
    ]


def now_of(rows: list[Deployment]) -> list[str]:
    return [Deployment.get_by_id(row.id).status for row in rows]


@pytest.mark.slow
def test_what_was_live_before_a_take_down_is_taken_down(before):
    """Given deployments of two clinics, one of which was taken down, then only those that were live
    before that are taken down; a later one stays live.
    """
    first = deployed(given.an_account(), "live", "failed", "live", "taken_down", "live")
    other = deployed(given.an_account(), "live")
    assert MIGRATION in migrate()
    assert now_of(first) == ["taken_down", "failed", "taken_down", "taken_down", "live"]
    assert now_of(other) == ["live"]
    ended = Deployment.get_by_id(first[0].id)
    assert (ended.goal, ended.message) == ("taken_down", "The receptionist was taken down.")

"""A pause stops what it names and nothing else; a ceiling holds for the account's own day, under
concurrency too (B14).
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.accounts.audit_entry import AuditEntry
from models.effects.daily_limit import DailyCeiling, over_ceiling
from models.effects.effect import Effect
from models.effects.pause_switch import ALL, PauseSwitch, paused
from models.feed.outgoing_event import OutgoingEvent
from models.transactions import database, transaction
from runtime.clock import business_now, move_business_time, real_now
from tests import given

pytestmark = pytest.mark.usefixtures("database_url")


@pytest.fixture(autouse=True)
def _day() -> Iterator[None]:
    """Set the business time to early afternoon at the clinic, so that its day does not end during a
    test.
    """
    move_business_time(datetime(2027, 3, 2, 18, tzinfo=UTC) - real_now())
    yield
    move_business_time(None)


def a_text(account_id: str, key: str, **values: Any) -> Effect:
    now = real_now()
    with transaction():
        return Effect.reserve(
            "text",
            key,
            "twilio",
            {},
            now + timedelta(hours=1),
            now,
            "texts",
            account_id=account_id,
            asked_by="test",
            reason="test",
            **values,
        )


def test_a_pause_stops_one_account_and_one_kind():
    """Given two clinics, when one's texts are paused, then nothing else is paused, and the audit
    log names the operators.
    """
    one, other = given.an_account(), given.an_account()
    assert PauseSwitch.set(one.id, "texts", True, "cli:ann", "complaints")
    assert (paused(one.id, "texts"), paused(one.id, "charges"), paused(other.id, "texts")) == (
        True,
        False,
        False,
    )
    assert not PauseSwitch.set(one.id, "texts", True, "cli:ann", "again"), "it stood so already"
    assert PauseSwitch.set(one.id, "texts", False, "cli:bob", "")
    assert not paused(one.id, "texts")
    told = [
        (entry.actor, entry.action, entry.account_id)
        for entry in AuditEntry.select().order_by(AuditEntry.id)
    ]
    assert told == [("cli:ann", "texts.paused", one.id), ("cli:bob", "texts.resumed", one.id)]


def test_a_global_pause_overrides_account_settings():
    """Given charges paused for all, then resuming one account's charges does not lift that, and new
    accounts are paused too.
    """
    account = given.an_account()
    PauseSwitch.set(ALL, "charges", True, "cli:ann", "Stripe is down")
    PauseSwitch.set(account.id, "charges", False, "cli:ann", "")
    assert paused(account.id, "charges")
    assert paused(given.an_account().id, "charges")
    assert paused(None, "charges")
    PauseSwitch.set(ALL, "charges", False, "cli:ann", "")
    assert not paused(account.id, "charges")


def test_reaching_the_ceiling_sends_one_alert():
    """Given a ceiling of two, when two texts are reserved, then the ceiling is reached, and one
    alert is sent even after a third.
    """
    account = given.an_account()
    DailyCeiling.change(account.id, "texts", 2, "cli:ann")
    # the same key twice is one effect
    for key, reached in (("a", False), ("b", False), ("b", True)):
        assert over_ceiling(account.id, "texts", business_now()) is reached
        a_text(account.id, key)
    assert over_ceiling(account.id, "texts", business_now())
    assert not over_ceiling(account.id, "charges", business_now())
    assert not over_ceiling(given.an_account().id, "texts", business_now())
    a_text(account.id, "somebody who did not ask")
    alerts = list(OutgoingEvent.select().where(OutgoingEvent.type == "ceiling.reached"))
    assert [
        (alert.account_id, alert.payload["what"], alert.payload["ceiling"]) for alert in alerts
    ] == [(account.id, "texts", 2)]


def test_a_ceiling_counts_the_accounts_local_day():
    """Given a clinic in Honolulu at its ceiling, then its next day begins at its own midnight,
    10:00 UTC.
    """
    account = given.an_account(time_zone="Pacific/Honolulu")
    DailyCeiling.change(account.id, "texts", 1, "cli:ann")
    move_business_time(datetime(2027, 3, 2, 9, 30, tzinfo=UTC) - real_now())
    a_text(account.id, "late in the evening")
    assert over_ceiling(account.id, "texts", business_now())
    assert not over_ceiling(account.id, "texts", datetime(2027, 3, 2, 10, 0, tzinfo=UTC))


def test_an_accounts_own_ceiling_wins_over_the_setting(monkeypatch):
    """Given an account without its own ceiling, then the setting applies; a ceiling of zero stops
    everything, and removing it restores the setting.
    """
    account = given.an_account()
    assert not over_ceiling(account.id, "texts", business_now())
    DailyCeiling.change(account.id, "texts", 0, "cli:ann")
    assert over_ceiling(account.id, "texts", business_now())
    DailyCeiling.change(account.id, "texts", None, "cli:ann")
    assert not over_ceiling(account.id, "texts", business_now())


def test_concurrent_decisions_do_not_exceed_the_ceiling():
    """Given a ceiling of three and ten decisions at once, then three effects are reserved."""
    account = given.an_account()
    DailyCeiling.change(account.id, "texts", 3, "cli:ann")
    begin = threading.Barrier(10)

    def decide(number: int) -> None:
        begin.wait(120)
        try:
            with transaction():
                if not over_ceiling(account.id, "texts", business_now()):
                    a_text(account.id, str(number))
        finally:
            database.close()

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert Effect.select().count() == 3


def test_a_pause_waits_for_decisions_in_progress():
    """Given a decision under way, when an operator pauses texts, then the pause waits for the
    decision, so that nothing is decided after it.
    """
    account = given.an_account()
    decided, may_commit, order = threading.Event(), threading.Event(), []

    def decide() -> None:
        try:
            with transaction():
                assert not paused(account.id, "texts")
                decided.set()
                may_commit.wait(120)
                a_text(account.id, "one")
                order.append("decided")
        finally:
            database.close()

    def pause() -> None:
        try:
            decided.wait(120)
            threading.Timer(0.2, may_commit.set).start()
            PauseSwitch.set(account.id, "texts", True, "cli:ann", "")
            order.append("paused")
        finally:
            database.close()

    threads = [threading.Thread(target=decide), threading.Thread(target=pause)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert order == ["decided", "paused"]

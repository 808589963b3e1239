"""Prove that forwarding works: by a test call that must arrive, or by the first forwarded call."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from models.accounts.account import Account
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.effects.daily_limit import over_ceiling
from models.effects.pause_switch import paused
from providers.twilio.calls import calls_to
from rules.deployment.forwarding import forwarding_loop
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.ids import new_id
from runtime.settings import INTERACTIVE, get_settings

AGAIN_AFTER = timedelta(minutes=1)
ARRIVES_WITHIN = timedelta(minutes=2)
DAY = timedelta(days=1)
A_DAY = 10  # tests of one line; if the number is wrong, they ring a stranger's telephone
CONFIRMED = "confirmed"
CHANGED = "The forwarded number has changed. Deploy again, then test."
CHANGED_SINCE = "Another number has been deployed since; test again."
NOT_ARRIVED = (
    "The call did not arrive at your receptionist's number. Dial your carrier's code again, wait"
    " for its confirmation, and test once more."
)


def forwarded_line(account_id: str) -> PhoneLine:
    """Return the line that the account's calls are forwarded to. Raises Refused
    `deployment_not_ready`.
    """
    line = PhoneLine.of(account_id)
    if line is None or line.state != "owned" or not line.forwarding:
        raise Refused(
            "deployment_not_ready",
            "Calls are forwarded to a receptionist that is live with a forwarded number. Deploy"
            " first.",
        )
    return line


def clinic_number(account_id: str) -> str:
    """Return the number that the clinic forwards, or ''."""
    setup = Setup.of(account_id)
    settings: dict[str, Any] = setup.phone_integration_settings if setup is not None else {}
    return str(settings.get("clinicNumber") or "")


def request_test_call(account: Account, actor: str) -> ForwardingTest:
    """Plan a test call. Needs an open transaction. Raises Refused `not_configured`,
    `deployment_not_ready`, `rate_limited`, `calls_paused` or `ceiling_reached`.
    """
    tester = get_settings().forwarding_test_number
    if not tester:
        raise Refused(
            "not_configured",
            "FORWARDING_TEST_NUMBER is not set: the operator of this installation sets it to one of"
            " their Twilio numbers.",
        )
    line = PhoneLine.locked(forwarded_line(account.id).id)
    forwarded = line.wanted.get("forwards", "")
    why = forwarding_loop(forwarded, line.e164 or "", tester)
    if why or not forwarded or forwarded != clinic_number(account.id):
        raise Refused("deployment_not_ready", why or CHANGED)
    now = real_now()
    _need_calls_allowed(account.id)
    _need_pause(line, now)
    test: ForwardingTest = ForwardingTest.create(
        id=new_id("fwt"),
        line=line,
        number=forwarded,
        asked_by=actor,
        created_at=now,
        updated_at=now,
    )
    AuditEntry.record(actor, "forwarding.test_requested", f"phone_line:{line.id}", account.id)
    stage("test_forwarding", test.id, test.id, fair_to=account.id, queue=INTERACTIVE)
    return test


def _need_calls_allowed(account_id: str) -> None:
    """Raises Refused `calls_paused` or `ceiling_reached`, because a test rings a telephone too."""
    if paused(account_id, "calls"):
        raise Refused("calls_paused", "Calls are paused; test once they resume.")
    if over_ceiling(account_id, "calls", business_now()):
        raise Refused("ceiling_reached", "The account has reached its daily ceiling of calls.")


def why_not_placed(test: ForwardingTest, line: PhoneLine) -> str:
    """Return why the requested call is not placed after all; '' if it is. Needs the transaction
    that reserves it.
    """
    if line.wanted.get("forwards") != test.number:
        return CHANGED_SINCE
    try:
        _need_calls_allowed(line.account_id)
    except Refused as refused:
        return refused.detail
    return ""


def _need_pause(line: PhoneLine, now: datetime) -> None:
    """Raises Refused `rate_limited` for a test too soon after the last, or too many in a day."""
    tests = ForwardingTest.made_since(line.id, now - DAY, A_DAY)
    if tests and now - tests[0].created_at < AGAIN_AFTER:
        raise Refused(
            "rate_limited",
            "A test call was placed less than a minute ago; wait for it to end.",
            retry_after=_seconds_left(tests[0], AGAIN_AFTER, now),
        )
    if len(tests) >= A_DAY:
        raise Refused(
            "rate_limited",
            f"{A_DAY} test calls were placed within a day. Ask your carrier why calls are not"
            " forwarded, and test again tomorrow.",
            retry_after=_seconds_left(tests[-1], DAY, now),
        )


def _seconds_left(test: ForwardingTest, pause: timedelta, now: datetime) -> int:
    """Return how much of the pause after this test is left; all of it if our clock was set back."""
    left: timedelta = min(pause, test.created_at + pause - now)
    return max(1, ceil(left.total_seconds()))


def has_forwarded_call_arrived(line: PhoneLine, since: datetime) -> bool:
    """Whether Twilio has received a call since then that the clinic's number forwarded, or a test
    call.
    """
    clinic, tester = line.wanted.get("forwards"), get_settings().forwarding_test_number
    return any(
        (clinic and call["forwarded_from"] == clinic) or (tester and call["from"] == tester)
        for call in calls_to(line.e164 or "", since)
    )


def confirm_forwarding(line_id: str, number: str, now: datetime) -> bool:
    """Record that a call forwarded by this number has arrived. Return whether the line still has
    that number forwarded. Needs a transaction.
    """
    line = PhoneLine.locked(line_id)
    if line.wanted.get("forwards") != number:
        return False
    if line.forwarding != CONFIRMED:
        line.record(now, forwarding=CONFIRMED)
        AuditEntry.record(SYSTEM, "forwarding.confirmed", f"phone_line:{line.id}", line.account_id)
    return True

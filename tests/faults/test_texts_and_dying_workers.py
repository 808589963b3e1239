"""Workers die or freeze around the call to Twilio: at most one text is sent, and a doubt shows
(faults 7, 8, 11, 24).
"""

import signal
import time

import pytest

from models.delivery.staged_job import StagedJob
from models.transactions import release_connection
from tests import given
from tests.faults.town import send
from tests.running.servers import wait_for
from tests.stories.texting import Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic whose link is made, so that the next text is due at once."""
    texting.consents().send()
    texting.deliver()
    return texting


def status(clinic: Texting) -> str:
    found = str(clinic.message().status)
    release_connection()
    return found


def test_a_text_stays_in_doubt_if_its_worker_is_killed_before_the_call(clinic, town):
    """Given a worker killed before its call, then nothing was sent, but this cannot be known: the
    text stays in doubt, and no other worker sends it.
    """
    clinic.ask()
    town.pool(
        "webhooks=1", PAYPHONE_LOCK_LEASE="0.5", PAYPHONE_KILL_AT=town.at("effect.before_call")
    )
    town.struck()
    wait_for(lambda: status(clinic) == "unknown", "the doubt shows")
    assert (len(clinic.requests()), len(clinic.sent())) == (1, 1)
    assert clinic.ask().json["message"]["id"] == clinic.message().id


def test_a_report_settles_a_text_if_its_worker_is_killed_after_the_call(clinic, town):
    """Given a worker killed after its call, then Twilio's report settles the text."""
    clinic.ask()
    town.pool(
        "webhooks=1", PAYPHONE_LOCK_LEASE="0.5", PAYPHONE_KILL_AT=town.at("effect.after_call")
    )
    town.struck()
    wait_for(lambda: status(clinic) == "unknown", "the doubt shows")
    assert len(clinic.sent()) == 2
    clinic.deliver()
    assert (status(clinic), len(clinic.requests())) == ("delivered", 2)


@pytest.mark.parametrize("place", ["job.before_commit", "job.after_commit"])
def test_a_text_is_sent_once_if_its_worker_is_killed_around_the_commit(clinic, town, place):
    clinic.ask()
    town.pool("webhooks=1", PAYPHONE_LOCK_LEASE="0.5", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    wait_for(lambda: status(clinic) in {"unknown", "accepted"}, "the next attempt has looked")
    clinic.deliver()
    assert (status(clinic), len(clinic.requests()), len(clinic.sent())) == ("delivered", 2, 2)


def test_a_worker_frozen_past_the_texts_deadline_does_not_send_it(clinic, town):
    """Given a worker frozen until its deadline has passed, when it wakes, then it sends nothing and
    says so, which ends the doubt.
    """
    clinic.ask()
    town.pool(
        "webhooks=2,messages=1",
        PAYPHONE_LOCK_LEASE="0.5",
        PAYPHONE_KILL_AT=town.at("stop:effect.before_call"),
        PAYPHONE_TEXT_DEADLINE="2",
    )
    frozen = town.struck()
    begun = time.monotonic()
    wait_for(lambda: status(clinic) == "unknown", "another worker sees the doubt")
    wait_for(lambda: time.monotonic() - begun > 2.5, "the deadline passes")
    send(frozen, signal.SIGCONT)
    wait_for(
        lambda: clinic.effect(clinic.message()).error_code == "not_sent",
        "it says that nothing left",
    )
    StagedJob.update(due_at=0).where(StagedJob.name == "reconcile_text").execute()
    wait_for(lambda: status(clinic) == "refused", "the doubt is over")
    assert (len(clinic.requests()), len(clinic.sent())) == (1, 1)
    assert given.fresh(clinic.invoice).status == "sent"

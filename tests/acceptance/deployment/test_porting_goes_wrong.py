"""Ports that go wrong at Twilio: what is refused, gone or unheard of costs no clinic its number,
and leaves no deployment waiting for ever (F71, F78).
"""

import pytest

from providers.errors import ProviderError
from providers.twilio.porting import MOST_PAGES, PAGE, find_port
from tests.deploying import NUMBER

PORTING = "/numbers/v1/Porting"


@pytest.fixture
def ported(clinic):
    return clinic.configures_port()


def deploys(clinic, rounds=3, **more):
    begun = clinic.deploys(**more)
    assert begun.status_code == 202, begun.text
    clinic.works(rounds)
    return begun.json["id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_port_needs_no_reports(ported, method):
    """Given a Twilio account that may not set where ports are reported, then the port is asked for
    all the same.
    """
    ported.twilio.fault("refused_400", f"{PORTING}/Configuration/Webhook", method)
    assert ported.shown(deploys(ported))["status"] == "awaiting_port"
    assert len(ported.twilio.books.ports) == 1


def test_a_request_that_is_gone_ends_the_waiting(ported):
    """Given a request that Twilio does not know any more, then the deployment is undone, and says
    what to do.
    """
    deployment = deploys(ported)
    ported.twilio.books.ports.clear()
    ported.looks_at_ports()
    ported.works(4)
    shown = ported.shown(deployment)
    assert (shown["status"], shown["code"]) == ("rolled_back", "port_gone")
    assert "Deploy again" in shown["error"]
    assert ported.line is None


def test_a_number_has_moved_however_that_is_written(ported):
    """Given a request that is said to be completed before its number is, then the number is looked
    for, and the clinic is live.
    """
    deployment = deploys(ported)
    ported.looks_at_ports(days=3)
    ported.twilio.passes(86_400)
    (port,) = ported.twilio.books.ports.values()
    port["port_in_request_status"] = "completed"
    port["phone_numbers"][0]["port_in_phone_number_status"] = "New Word"
    ported.looks_at_ports()
    ported.works(5)
    assert ported.shown(deployment)["status"] == "live"


def test_a_number_that_twilio_does_not_even_look_at_is_not_portable(ported):
    """Given a refusal of the question, then it is told at once, before anything is charged."""
    ported.twilio.fault("refused_400", f"{PORTING}/Portability/*", "GET", times=1)
    begun = ported.deploys().json["id"]
    ported.works()
    shown = ported.shown(begun)
    assert (shown["status"], shown["code"]) == ("failed", "not_portable")
    assert "Nothing was charged" in shown["error"]


def test_a_list_that_was_not_read_to_its_end_does_not_say_that_there_is_none(ported):
    """Given more requests than are looked through, of which ours is the last, then nobody says that
    it is not there: a second one would be asked for.
    """
    deploys(ported)
    books = ported.twilio.books
    (ours,) = books.ports
    closed = books.ports[ours] | {"port_in_request_status": "Completed"}
    for each in range(PAGE * MOST_PAGES):
        sid = f"KW{each:032d}"
        books.ports[sid] = closed | {"port_in_request_sid": sid}
        books.private[sid] = {"updated": closed["date_created"]}
    books.ports[ours] = books.ports.pop(ours)
    with pytest.raises(ProviderError) as raised:
        find_port(NUMBER)
    assert (raised.value.outcome, raised.value.code) == ("retry_later", "too_many_ports")

"""Ports that go wrong at Twilio: a refused, missing or overlooked request costs no clinic its
number and leaves no deployment waiting for ever (F71, F78).
"""

import threading
from datetime import timedelta

import pytest

from actions.deployment.progress import locked_run
from actions.deployment.settle_undo import settle_undo
from actions.deployment.step import Fail
from actions.deployment.steps.port.port_document import PORT_DOCUMENT
from actions.deployment.steps.port.port_request import PORT_REQUEST
from actions.deployment.steps.sip.sip_line import SIP_LINE
from actions.deployment.strays import find_strays
from jobs.end_stuck_deployments import end_stuck_deployments
from jobs.poll_ports import poll_ports
from models.delivery.staged_job import StagedJob
from models.deployment.deployment_step import DeploymentStep
from models.deployment.port_document import PortDocument
from models.deployment.resource import Stray
from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from providers.twilio import numbers, porting
from providers.twilio.porting import MOST_PAGES, PAGE, find_port
from runtime.clock import real_now
from tests.stories.deploying import NUMBER, PORTED, states

pytestmark = pytest.mark.slow  # nearly every test goes live first

PORTING = "/numbers/v1/Porting"
HOOK = "https://desk.example"


@pytest.fixture
def ported(clinic):
    return clinic.configures_port()


def deploys(clinic, rounds=3, **more):
    begun = clinic.deploys(**more)
    assert begun.status_code == 202, begun.text
    clinic.works(rounds)
    return begun.json["id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_port_is_requested_even_if_no_porting_webhook_can_be_set(ported, method):
    """Given a Twilio account that cannot set a porting webhook, then the port is requested all the
    same.
    """
    ported.twilio.fault("refused_400", f"{PORTING}/Configuration/Webhook", method)
    assert ported.shown(deploys(ported))["status"] == "awaiting_port"
    assert len(ported.twilio.books.ports) == 1


def test_vanished_port_request_rolls_back_the_deployment(ported):
    """Given a request that Twilio no longer has, then the deployment is rolled back and says what
    to do.
    """
    deployment = deploys(ported)
    ported.twilio.books.ports.clear()
    ported.looks_at_ports()
    ported.works(4)
    shown = ported.shown(deployment)
    assert (shown["status"], shown["code"]) == ("rolled_back", "port_gone")
    assert "Deploy again" in shown["error"]
    assert ported.line is None


def test_port_request_without_our_number_shows_its_own_status(ported):
    """Given a request that no longer lists the clinic's number, then the request's own status is
    shown in the settings.
    """
    deployment = deploys(ported)
    (port,) = ported.twilio.books.ports.values()
    port.update(phone_numbers=[], port_in_request_status="Action Required")
    ported.looks_at_ports()
    assert ported.shown(deployment)["status"] == "awaiting_port"
    assert ported.setup.phone_integration_settings["portStatus"] == "action_required"


def test_completed_port_with_an_unknown_number_status_goes_live(ported):
    """Given a request reported as completed while its number has an unknown status, then the number
    is looked up, and the clinic goes live.
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


def test_refused_portability_check_fails_deployment_before_any_charge(ported):
    """Given a portability check that Twilio refuses, then the deployment fails before anything is
    charged.
    """
    ported.twilio.fault("refused_400", f"{PORTING}/Portability/*", "GET", times=1)
    begun = ported.deploys().json["id"]
    ported.works()
    shown = ported.shown(begun)
    assert (shown["status"], shown["code"]) == ("failed", "not_portable")
    assert "Nothing was charged" in shown["error"]


def test_truncated_port_list_raises_instead_of_reporting_no_port(ported):
    """Given more requests than are read, of which ours is the last, then the search raises instead
    of reporting none, which would cause a second request.
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


def test_open_port_requests_are_read_concurrently(monkeypatch):
    """Given several open requests, then they are read concurrently: one by one, sixty would outlast
    the job.
    """
    together = 8
    all_asked = threading.Barrier(together)

    def read(sid):
        all_asked.wait(timeout=60)
        return {"id": sid, "numbers": [{"number": f"+1212555{sid}"}]}

    rows = [{"id": f"01{each:02d}", "status": "In Review"} for each in range(together)]
    closed = {"id": "0200", "status": "Completed"}
    monkeypatch.setattr(porting, "list_ports", lambda: [*rows, closed])
    monkeypatch.setattr(porting, "get_port", read)
    assert find_port("+12125550103")["id"] == "0103"
    assert find_port("+12125550200") is None


def test_port_in_progress_is_no_stray_and_is_reported_missing_if_gone(ported, monkeypatch):
    """Given a port in progress, then it is no stray; once Twilio no longer has it, it is reported
    missing.
    """
    monkeypatch.setattr(find_strays, "YOUNG", timedelta(0))
    deploys(ported)
    (sid,) = ported.twilio.books.ports
    find_strays.check_place("twilio.port")
    assert Stray.select().count() == 0
    ported.twilio.books.ports.clear()
    find_strays.check_place("twilio.port")
    (row,) = Stray.select()
    assert (row.what, row.provider_id, row.account_id) == ("missing", sid, ported.account.id)


def test_empty_bill_upload_rolls_back_and_the_next_deploy_uploads_it_again(ported):
    """Given a bill that arrives at Twilio empty, then no port is requested with it, the clinic is
    told, and deploying again uploads the stored bill.
    """
    ported.twilio.books.lost_uploads = 1
    shown = ported.shown(deploys(ported, rounds=5))
    assert (shown["status"], shown["code"]) == ("rolled_back", "document_empty"), shown
    assert "Deploy again" in shown["error"]
    assert ported.twilio.books.ports == {}
    (document,) = PortDocument.select()
    assert (document.twilio_sid, document.content is None) == (None, False)

    assert ported.shown(deploys(ported))["status"] == "awaiting_port"
    (port,) = ported.twilio.books.ports.values()
    (bill,) = port["documents"]
    assert ported.twilio.books.documents[bill]["mime_type"] == "application/pdf"


def test_bill_upload_in_doubt_is_settled_before_the_bill_is_required(ported):
    """Given an upload whose answer was lost, and a bill no longer stored, then the upload in doubt
    is settled first.
    """
    deployment = ported.deploys().json["id"]
    step = DeploymentStep.one("deployment_id = ? AND name = ?", deployment, PORT_DOCUMENT.name)
    with transaction():
        sent = PORT_DOCUMENT.plan(locked_run(step.id), {})
        Effect.update(state="unknown").execute()
        PortDocument.update(content=None).execute()
        plan = PORT_DOCUMENT.plan(locked_run(step.id), {})
    assert isinstance(plan, Effect)
    assert plan.id == sent.id


@pytest.mark.parametrize("kind", [PORT_REQUEST, SIP_LINE], ids=lambda kind: kind.name)
def test_line_of_another_method_is_not_reused_by_port_or_sip(clinic, kind):
    """Given a number bought during Deploy, then neither the port nor SIP uses its line or
    overwrites its number.
    """
    if kind is SIP_LINE:
        clinic.call("PUT", "…/phone/sip", clinicNumber=NUMBER)
    else:
        clinic.configures_port()
        PortDocument.update(twilio_sid="RD1").execute()
    deployment = clinic.deploys().json["id"]
    clinic.line_wants("+12125550155")
    step = DeploymentStep.one("deployment_id = ? AND name = ?", deployment, kind.name)
    with transaction():
        plan = kind.plan(locked_run(step.id), {})
    assert isinstance(plan, Fail)
    assert plan.code == "other_line"
    assert "+12125550155" in plan.detail
    assert clinic.line.e164 == "+12125550155"


def test_number_purchase_is_refused_while_a_port_is_in_progress(ported):
    deploys(ported, rounds=1)
    ported.line.record(real_now(), holds_slot=False)  # as before the step that reserves the slot
    wanted = {"accountId": ported.account.id, "areaCode": "212"}
    answer = ported.call("POST", "/api/twilio/phone/purchase", **wanted)
    assert (answer.status_code, answer.json["code"]) == (409, "deployment_in_progress")
    assert ported.twilio.owned() == {}


def test_retry_requests_the_corrected_number_and_bill(ported):
    """Given a refused port whose progress is kept, when number and bill are corrected, then a retry
    requests the corrected ones.
    """
    ported.twilio.fault("refused_400", f"{PORTING}/PortIn")
    deployment = deploys(ported, onFailure="keep")
    assert ported.shown(deployment)["status"] == "failed"
    ported.configures_port(phoneNumber="+12125550178")
    assert ported.call("POST", f"/api/deployments/{deployment}/retry").status_code == 202
    ported.works(3)
    assert ported.shown(deployment)["status"] == "awaiting_port"
    (port,) = ported.twilio.books.ports.values()
    assert [each["phone_number"] for each in port["phone_numbers"]] == ["+12125550178"]
    corrected = PortDocument.get_by_id(ported.setup.phone_integration_settings["documentId"])
    assert port["documents"] == [corrected.twilio_sid]
    assert ported.line.e164 == "+12125550178"


@pytest.mark.parametrize("comes_to", ["Canceled", "Expired", "gone"])
def test_retry_makes_a_new_request_for_an_ended_port(ported, comes_to):
    """Given a port that ended at the carrier and a deployment whose progress is kept, then a retry
    makes a new request, and rolling back cancels it.
    """
    deployment = deploys(ported, onFailure="keep")
    books = ported.twilio.books
    (first,) = books.ports
    if comes_to == "gone":
        books.ports.clear()
    else:
        books.ports[first]["port_in_request_status"] = comes_to
    ported.looks_at_ports()
    assert ported.shown(deployment)["canRetry"] is True
    assert ported.call("POST", f"/api/deployments/{deployment}/retry").status_code == 202
    ported.works(4)
    assert ported.shown(deployment)["status"] == "awaiting_port"
    (second,) = set(books.ports) - {first}
    gives_up(ported, deployment)
    assert books.ports[second]["port_in_request_status"] == "Canceled"
    assert ported.line is None


def test_retry_of_an_expired_port_sends_the_newest_bill(ported):
    """Given an expired port and a new bill, then a retry sends the new bill."""
    deployment = deploys(ported, onFailure="keep")
    books = ported.twilio.books
    (first,) = books.ports
    books.ports[first]["port_in_request_status"] = "Expired"
    ported.looks_at_ports()
    ported.configures_port()
    assert ported.call("POST", f"/api/deployments/{deployment}/retry").status_code == 202
    ported.works(4)
    shown = ported.shown(deployment)
    assert shown["status"] == "awaiting_port", shown["error"]
    (second,) = set(books.ports) - {first}
    newest = PortDocument.get_by_id(ported.setup.phone_integration_settings["documentId"])
    assert newest.twilio_sid not in books.ports[first]["documents"]
    assert books.ports[second]["documents"] == [newest.twilio_sid]


def test_deploying_another_number_over_a_live_ported_one_fails(ported):
    deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    ported.configures_port(phoneNumber="+12125550178")
    shown = ported.shown(deploys(ported))
    assert (shown["status"], shown["code"]) == ("failed", "other_line")
    assert NUMBER in shown["error"]


def gives_up(clinic, deployment):
    assert clinic.shown(deployment)["canRollBack"] is True
    answer = clinic.call("POST", f"/api/deployments/{deployment}/rollback")
    assert answer.status_code == 202, answer.text
    clinic.works(4)
    shown = clinic.shown(deployment)
    assert shown["status"] == "rolled_back"
    return next(each for each in shown["steps"] if each["name"] == "port_request")


def test_rollback_of_a_completed_port_keeps_the_number(ported):
    """Given a number that was ported before any poll, when the deployment is rolled back, then the
    account keeps the number, and the next deployment goes live on it.
    """
    deployment = deploys(ported)
    for _ in range(4):
        ported.twilio.passes(86_400)
    step = gives_up(ported, deployment)
    assert (step["state"], "stays at Twilio" in step["message"]) == ("undone", True)
    assert (ported.line.state, bool(ported.line.twilio_sid)) == ("owned", True)
    assert ported.shown(deploys(ported, rounds=6))["status"] == "live"
    assert len(ported.twilio.books.ports) == 1


def test_another_number_in_the_port_request_is_not_taken_for_the_clinics(ported):
    """Given a request that also names another number, already ported, when the clinic's port is
    rolled back, then that other number is not taken for the clinic's.
    """
    deployment = deploys(ported)
    at = {"sms_url": HOOK, "voice_url": HOOK, "status_callback": HOOK}
    other = numbers.search_numbers(limit=1)[0].e164
    numbers.buy_number(other, friendly_name="Front desk", **at)
    (port,) = ported.twilio.books.ports.values()
    moved = {"phone_number": other, "port_in_phone_number_status": "Completed"}
    port["phone_numbers"].insert(0, port["phone_numbers"][0] | moved)
    step = gives_up(ported, deployment)
    assert (step["state"], "stays with its carrier" in step["message"]) == ("undone", True)
    assert ported.line is None


def left_open(ported):
    """Return a rolled-back deployment whose port Twilio refused to cancel."""
    deployment = deploys(ported)
    ported.twilio.fault("refused_400", f"{PORTING}/PortIn/*", "DELETE")
    assert gives_up(ported, deployment)["state"] == "undo_failed"
    return deployment


@pytest.mark.parametrize("comes_to", ["moved", "canceled"])
def test_port_that_could_not_be_cancelled_is_polled_until_it_ends(ported, comes_to):
    """Given a port that could not be cancelled, when it ends, then its line belongs to the account
    or is free again.
    """
    deployment = left_open(ported)
    poll_ports.perform()
    assert ported.line is not None
    if comes_to == "moved":
        for _ in range(4):
            ported.twilio.passes(86_400)
    else:
        (port,) = ported.twilio.books.ports.values()
        port["port_in_request_status"] = "Canceled"
    poll_ports.perform()
    assert states(ported.shown(deployment))["port_request"] == "undone"
    line = ported.line
    assert (line is not None and bool(line.twilio_sid)) == (comes_to == "moved")


def test_next_deployment_takes_over_a_port_that_could_not_be_cancelled(ported):
    left_open(ported)
    again = deploys(ported)
    assert ported.shown(again)["status"] == "awaiting_port"
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.shown(again)["status"] == "live"
    assert len(ported.twilio.books.ports) == 1


def test_settling_a_port_cancelled_by_hand_frees_the_slot(ported):
    deployment = left_open(ported)
    settle_undo(deployment, "port_request", "cancelled in the console", "operator")
    assert ported.line is None


def test_settling_a_port_does_not_stop_the_deployment_that_took_it_over(ported):
    """Given a port that the next deployment has taken over, when an operator settles the former
    one, then the port is still followed, and the account gets the number.
    """
    deployment = left_open(ported)
    again = deploys(ported)
    settle_undo(deployment, "port_request", "taken over", "operator")
    ported.looks_at_ports(days=4)
    ported.works(5)
    shown = ported.shown(again)
    assert shown["status"] == "live", shown["error"]
    assert (ported.line.e164, ported.line.state) == (NUMBER, "owned")


def test_settling_an_old_port_keeps_the_live_ports_completed_status(ported):
    """Given a number ported by a later deployment, when an operator settles the former one, then
    the port status stays `completed`.
    """
    deployment = left_open(ported)
    again = deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.shown(again)["status"] == "live"
    before = Setup.get_by_id(ported.account.id).phone_integration_settings["portStatus"]
    settle_undo(deployment, "port_request", "seen in the console", "operator")
    settings = Setup.get_by_id(ported.account.id).phone_integration_settings
    assert (settings["portStatus"], before) == (before, "completed")


def test_a_retry_of_a_port_that_twilio_does_not_report_on_gives_up_no_port(ported):
    """Given a deployment that waits for its port, when the clinic retries it while Twilio cannot
    say how the port is, for hours, then it still waits and says the same, and the port goes on.
    """
    deployment = deploys(ported)
    before = ported.shown(deployment)
    ported.twilio.fault("error_500", f"{PORTING}/PortIn/*", "GET", times=99)
    assert ported.call("POST", f"/api/deployments/{deployment}/retry").status_code == 202
    ported.works()
    StagedJob.update(state="dead").where(StagedJob.name == "deploy_account").where(
        StagedJob.state == "waiting"
    ).execute()
    end_stuck_deployments.perform()
    ported.works(2)
    shown = ported.shown(deployment)
    assert (shown["status"], shown["message"]) == ("awaiting_port", before["message"])
    ported.twilio.stand_in.forgive()
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.shown(deployment)["status"] == "live"
    assert len(ported.twilio.books.ports) == 1


def test_a_number_that_is_saved_before_the_request_is_out_is_the_one_that_is_ported(clinic):
    """Given a port request that Twilio cannot take just then, when another number is saved with its
    own PIN meanwhile, then that number is requested: no number is sent with another's PIN.
    """
    other = "+12125550178"
    clinic.configures_port(pin="111111", accountNumber="A-1")
    clinic.twilio.fault("rate_limit_429", f"{PORTING}/PortIn", times=2)
    deployment = deploys(clinic, rounds=2)
    assert states(clinic.shown(deployment))["port_request"] == "running"
    saved = clinic.setup.phone_integration_settings
    own = {"phoneNumber": other, "pin": "222222", "documentId": saved["documentId"]}
    answer = clinic.call("PUT", "…/phone/ported", **PORTED | {"accountNumber": "A-2"} | own)
    assert answer.status_code == 200, answer.text
    clinic.works(5)
    assert clinic.shown(deployment)["status"] == "awaiting_port", clinic.shown(deployment)
    (port,) = clinic.twilio.books.ports.values()
    assert [each["phone_number"] for each in port["phone_numbers"]] == [other]
    assert port["losing_carrier_information"]["account_number"] == "A-2"
    sent = clinic.twilio.asked("POST", "/PortIn")
    assert sent[-1]["phone_numbers"] == [{"phone_number": other, "pin": "222222"}]
    assert clinic.line.e164 == other


@pytest.mark.parametrize("begins", ["POST", "GET"], ids=["the request", "its preparation"])
def test_settings_that_lack_something_by_then_are_told(clinic, begins):
    """Given a port whose request or preparation has to wait, when settings are saved meanwhile that
    lack what a request needs, then the deployment says so and is undone, instead of failing for
    hours.
    """
    clinic.configures_port()
    path = "PortIn" if begins == "POST" else "PortIn/PortInRequests"
    clinic.twilio.fault("rate_limit_429", f"{PORTING}/{path}", begins, times=2)
    deployment = deploys(clinic, rounds=2)
    assert states(clinic.shown(deployment))["port_request"] == "running"
    saved = clinic.setup.phone_integration_settings
    kept = ("phoneNumber", "currentCarrier", "documentId")
    own = {name: saved[name] for name in kept}
    assert clinic.call("PUT", "…/phone/ported", **own).status_code == 200
    clinic.works(5)
    shown = clinic.shown(deployment)
    assert (shown["status"], shown["code"]) == ("rolled_back", "configuration_changed"), shown
    assert "who may sign for the number" in shown["error"]
    assert clinic.twilio.books.ports == {}

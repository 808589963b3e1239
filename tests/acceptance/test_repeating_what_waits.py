"""A request whose work waits for busy workers is repeated with the same key: the answer is the
first one, and work that is due and not begun is done, once.
"""

import pytest

from models.calling.call import Call
from models.contact.planned_contact import PlannedContact
from models.deployment.deployment import Deployment
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.knowledge_file import KnowledgeFile
from models.payments.payment_link import PayAddress, PaymentLink
from runtime.settings import get_settings
from tests import given
from tests.stories.deploying import Deploying
from tests.stories.scanning import Scanning
from tests.stories.voice import NUMBER

STEPS = 40  # more than a deployment has, each with a repetition or two


@pytest.fixture
def deploying(client, valkey, twilio_stand_in, voice):
    clinic = Deploying(client, valkey.client(), twilio_stand_in, voice)
    return clinic.configures().has_card()


def posts(clinic, path, **body):
    """Send the same request with the same key each time."""
    path = path.replace("…", f"/api/accounts/{clinic.account.id}")
    headers = clinic.headers | {"Idempotency-Key": "k1"}
    return clinic.client.simulate_post(path, json=body, headers=headers)


def replayed_until(status, clinic, deployment_id, path, **body):
    """Repeat the request, while no worker runs, until the deployment has that status."""
    first = posts(clinic, path, **body)
    for _ in range(STEPS):
        given.make_due()
        again = posts(clinic, path, **body)
        assert (again.status_code, again.json) == (first.status_code, first.json)
        assert again.headers["idempotent-replayed"] == "true"
        row = Deployment.get_by_id(deployment_id or first.json["id"])
        if row.status == status:
            return row
    pytest.fail(f"the deployment is {row.status}")


def test_repeated_requests_advance_a_deployment_no_worker_has_begun(deploying):
    """Given busy workers, when Deploy is repeated with the same key, then each repetition runs the
    step that is due, and nothing is bought twice; take-down works the same way.
    """
    live = replayed_until("live", deploying, "", "…/deployments", confirmedCost=0)
    assert len(deploying.twilio.owned()) == 1
    posts(deploying, "…/deployments", confirmedCost=0)
    deploying.works(2)
    assert len(deploying.twilio.owned()) == 1
    path = f"/api/deployments/{live.id}/take-down"
    deploying.headers = given.a_key(deploying.account)
    replayed_until("taken_down", deploying, live.id, path)
    assert deploying.twilio.owned() == {}


def test_a_request_with_another_key_does_not_advance_a_deployment(deploying):
    """Given a deployment that waits, when Deploy is requested with another key, then it is refused
    and runs no step.
    """
    posts(deploying, "…/deployments", confirmedCost=0)
    asked = len(deploying.twilio.asked("GET", ""))
    given.make_due()
    assert deploying.deploys().status_code == 409
    assert (Deployment.get().status, len(deploying.twilio.asked("GET", ""))) == ("queued", asked)


def test_a_repeated_request_uploads_a_file_no_worker_has_begun(deploying):
    file = {"name": "hours.txt", "contentBase64": "T3BlbiBmcm9tIG5pbmUgdG8gZml2ZS4="}
    first, again, late = (posts(deploying, "…/knowledge-files", **file) for _ in range(3))
    assert (first.status_code, again.json, late.json) == (201, first.json, first.json)
    assert KnowledgeFile.get().state == "processing"
    assert len(deploying.voice.books.tables["file"]) == 1


def test_a_repeated_request_places_a_test_call_no_worker_has_begun(deploying, monkeypatch):
    monkeypatch.setenv("FORWARDING_TEST_NUMBER", NUMBER)
    get_settings.cache_clear()
    deploying.goes_live()
    answers = [posts(deploying, "…/forwarding/test") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert ForwardingTest.get().state == "calling"
    assert len(deploying.twilio.asked("POST", "/Calls.json")) == 1


def test_a_repeated_request_places_a_call_no_worker_has_begun(calling):
    calling.habits(rings_after=3600)
    path = f"/api/invoices/{calling.invoice.id}/calls"
    assert [posts(calling, path).status_code for _ in range(3)] == [202, 202, 202]
    assert Call.get().state == "queued"
    assert len(calling.placed()) == 1


@pytest.mark.parametrize(
    ("door", "said"), [("reply", {}), ("resolve", {"action": "reply", "note": ""})]
)
def test_a_repeated_request_sends_a_reply_no_worker_has_begun(texting, door, said):
    texting.consents()
    escalations = f"/api/invoices/{texting.invoice.id}/escalations"
    item = texting.post(escalations, reason="asked_for_person").json
    body = {"text": "We will call you at noon."} | said
    path = f"/api/work-items/{item['id']}/{door}"
    first, again, late = (posts(texting, path, **body) for _ in range(3))
    assert (again.json, late.json) == (first.json, first.json)
    (sent,) = texting.sent()
    assert body["text"] in sent["body"]


def test_a_repeated_resolution_makes_a_refund_no_worker_has_begun(texting):
    """Given an invoice paid twice, when the refund of the overpayment is chosen again with the same
    key, then it is made, once.
    """
    for _ in range(2):
        texting.stand_in.paid(texting.invoice, redis=texting.redis)
    (item,) = texting.get("/api/work-items?kind=overpayment")["data"]
    path = f"/api/work-items/{item['id']}/resolve"
    first, again, late = (posts(texting, path, action="refund") for _ in range(3))
    assert (first.status_code, again.json, late.json) == (200, first.json, first.json)
    assert len(texting.stand_in.sdk.refunds.list().data) == 1
    assert texting.stand_in.received(texting.invoice.id) == texting.invoice.amount_due


@pytest.fixture
def drafts(texting):
    """A clinic whose contacts need approval, by day."""
    clinic = Scanning(texting)
    clinic.settings(first_contacts="draft")
    clinic.days_pass(1)
    return clinic


def approves_one(drafts):
    (item,) = drafts.texting.get("/api/work-items?state=open&kind=draft")["data"]
    return f"/api/work-items/{item['id']}/resolve", {"action": "approve"}


def approves_all(drafts):
    ids = [row.id for row in PlannedContact.select()]
    return "/api/contact-drafts/approve", {"ids": ids}


@pytest.mark.parametrize("approves", [approves_one, approves_all])
def test_a_repeated_approval_sends_a_text_no_worker_has_begun(drafts, approves):
    """Given a draft that is approved while workers are busy, when the approval is repeated with the
    same key, then its text is sent, once, with a link that can be paid.
    """
    invoice = drafts.owes(3)
    drafts.scan()
    path, body = approves(drafts)
    first = posts(drafts.texting, path, **body)
    assert first.status_code == 200, first.text
    for _ in range(3):
        given.make_due()  # the text waits a second for its link
        assert posts(drafts.texting, path, **body).json == first.json
    (sent,) = drafts.texting.sent()
    assert PayAddress.get(PayAddress.invoice == invoice).url in sent["body"]
    assert PaymentLink.get().state == "active"


def test_a_repeated_approval_places_a_call_no_worker_has_begun(calling):
    calling.habits(rings_after=3600)
    drafts = Scanning(calling)
    ladder = [{"days": 1, "way": "voice"}]
    drafts.settings(first_contacts="draft", calling="automatic", ladder=ladder)
    drafts.days_pass(1)
    drafts.owes(3)
    drafts.scan()
    path, body = approves_all(drafts)
    answers = [posts(calling, path, **body) for _ in range(3)]
    assert [answer.json["data"][0]["outcome"] for answer in answers] == ["performed"] * 3
    assert Call.get().state == "queued"
    assert len(calling.placed()) == 1

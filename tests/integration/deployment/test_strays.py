"""Strays, i.e. tagged objects at a provider without an owner, and ours that are missing there, are
reported; only an operator releases them.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from actions.deployment.strays import find_strays as finding
from actions.deployment.strays.places import PLACES
from bin.commands.checks.deployments import check_strays
from bin.commands.program import payphone
from jobs.find_strays import PLACE_NAMES
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.deployment.installation import installation_tag, tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Stray
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from providers.twilio import numbers, porting, trunks
from providers.vapi import assistants, credentials, files, squads
from rules.deployment.sip import trunk_at_vapi
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.stories.voice import a_query_tool

pytestmark = pytest.mark.slow  # nearly every test deploys first, and most make something fail then

LOSING = {
    "customer_name": "Harbor Dental",
    "authorized_representative": "Ada Lane",
    "authorized_representative_email": "ada@harbor.example",
    "address": {
        "street": "12 Pier St",
        "city": "New York",
        "state": "NY",
        "zip": "10001",
        "country": "US",
    },
}


@pytest.fixture
def live(deploying, monkeypatch):
    """A live receptionist; objects count as strays however young they are."""
    monkeypatch.setattr(finding, "YOUNG", timedelta(0))
    deploying.uploads()
    assert deploying.deploys().status == "live", deploying.newest.error
    return deploying


def looks(deploying, unread=()):
    """Run the daily check now; return the strays."""
    with transaction():
        stage("find_strays", new_id("now"))
    given.worked(deploying.redis, "periodic")
    done = StagedJob.select().where(StagedJob.name == "find_strays_at", StagedJob.state == "done")
    assert {job.key.partition(":")[0] for job in done} == set(PLACES) - set(unread)
    return list(Stray.select().order_by(Stray.id))


def look_again(deploying):
    for name in PLACES:
        finding.check_place(name)
    return list(Stray.select().order_by(Stray.id))


def make_one_of_each(tag_of):
    """Create one of each kind of object, tagged, without a row here; return their ids by place."""
    made = {}
    file = files.upload_file("old.txt", b"x", "text/plain", {"attempt_id": tag_of("kf")})
    made["vapi.file"] = file["id"]
    tool = a_query_tool(file["id"], tag=tag_of("dst"))
    made["vapi.tool"] = tool["id"]
    model = {"provider": "openai", "model": "gpt-4.1", "messages": [], "toolIds": [tool["id"]]}
    assistant = assistants.create_assistant({"model": model}, tag_of("dst"))
    made["vapi.assistant"] = assistant["id"]
    squad = squads.create_squad([{"assistantId": assistant["id"]}], tag_of("dst"))
    made["vapi.squad"] = squad["id"]
    number = numbers.buy_number(
        numbers.search_numbers(limit=1)[0].e164,
        friendly_name=tag_of("ln"),
        sms_url="https://x.example",
        voice_url="https://x.example",
        status_callback="https://x.example",
    )
    made["twilio.number"] = number["id"]
    made["vapi.credential"] = credentials.create_credential(trunk_at_vapi(), tag_of("dst"))["id"]
    made["twilio.trunk"] = trunks.create_trunk(tag_of("dst"), "pp-old.pstn.twilio.com")["id"]
    made["twilio.login-list"] = trunks.create_credential_list(tag_of("dst"))["id"]
    return made


def test_objects_in_use_are_not_strays(live):
    """Given a live receptionist, when strays are looked for, then there are none, and only reads
    were made.
    """
    before = len(live.stand_in.sandbox.shared.requests.select({"method": "POST"}))
    assert looks(live) == []
    assert len(live.stand_in.sandbox.shared.requests.select({"method": "POST"})) == before
    assert check_strays().level == "ok"


def test_tagged_objects_without_an_owner_are_reported_and_left_in_place(live):
    """Given objects with our tag and no row, then each is reported as an orphan and left there."""
    made = make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    found = looks(live)
    assert {f"{row.provider}.{row.kind}": row.provider_id for row in found} == made
    assert {(row.what, row.state) for row in found} == {("orphan", "open")}
    assert (check_strays().level, check_strays().found) == ("warn", "8 orphan")
    assert look_again(live) == found
    assert {PLACES[name].read(each)["id"] for name, each in made.items()} == set(made.values())
    assert AuditEntry.select().where(AuditEntry.action == "stray.found").count() == 8


def test_a_stray_released_during_a_check_is_not_reopened(live, monkeypatch):
    """Given a known stray that an operator releases while a check reports a new one, then it is not
    opened again.
    """
    trunks.create_credential_list(tagged(new_id("dst")))
    (known,) = look_again(live)
    trunks.create_credential_list(tagged(new_id("dst")))
    place, report = PLACES["twilio.login-list"], finding._report

    def new_one_first():
        return sorted(place.listed(), key=lambda row: row["id"] == known.provider_id)

    def released_meanwhile(*seen):
        report(*seen)
        Stray.update(state="releasing", closed_by="cli:ada").where(Stray.id == known.id).execute()

    monkeypatch.setitem(PLACES, place.name, replace(place, listed=new_one_first))
    monkeypatch.setattr(finding, "_report", released_meanwhile)
    look_again(live)
    row = Stray.get_by_id(known.id)
    assert (row.state, row.closed_by) == ("releasing", "cli:ada")


def test_a_port_for_a_released_line_is_an_orphan(live):
    """Given our port request for a line we gave up, and another one not ours, then the first is an
    orphan, and releasing it cancels the port.
    """
    now = real_now()
    PhoneLine.create(
        id=new_id("ln"),
        account=live.account,
        e164="+12125550177",
        source="ported",
        state="released",
        holds_slot=False,
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    bill = porting.upload_document("bill.pdf", b"%PDF-1.7", "application/pdf", "bill")["id"]
    ours, _ = (
        porting.create_port(
            {
                "documents": [bill],
                "phone_numbers": [{"phone_number": number}],
                "losing_carrier_information": LOSING,
            }
        )
        for number in ("+12125550177", "+12125550178")
    )
    (row,) = looks(live)
    assert (row.kind, row.provider_id, row.account_id) == ("port", ours["id"], live.account.id)
    released(live, row.id)
    assert porting.get_port(ours["id"])["status"] == "Canceled"


def test_objects_of_others_are_not_strays(live):
    """Given objects of another installation, or made by hand, then they are not strays."""
    make_one_of_each(lambda prefix: f"zzzzzz-{new_id(prefix)}")
    assistants.create_assistant(
        {"model": {"provider": "openai", "model": "gpt-4.1", "messages": []}}, "Reception"
    )
    assert looks(live) == []


def test_a_duplicate_of_a_tagged_object_is_an_orphan(live):
    """Given a second assistant with a known tag, then it is an orphan with its account."""
    body = {"model": {"provider": "openai", "model": "gpt-4.1", "messages": []}}
    second = assistants.create_assistant(body, tagged(live.made("receptionist").id))
    (row,) = looks(live)
    assert (row.provider_id, row.account_id) == (second["id"], live.account.id)


def test_an_object_of_an_effect_in_doubt_is_not_yet_a_stray(live):
    """Given an assistant whose creation is in doubt, then it is an orphan only once that is
    settled.
    """
    tag = tagged(new_id("dst"))
    body = {"model": {"provider": "openai", "model": "gpt-4.1", "messages": []}}
    assistants.create_assistant(body, tag)
    (sent, *_) = live.effects("assistant_create")
    Effect.update(state="unknown", request={"tag": tag, "body": body}).where(
        Effect.id == sent.id
    ).execute()
    assert looks(live) == []
    Effect.update(state="confirmed").where(Effect.id == sent.id).execute()
    assert [row.what for row in look_again(live)] == ["orphan"]


def test_a_recently_created_object_is_not_yet_a_stray(live, monkeypatch):
    monkeypatch.setattr(finding, "YOUNG", timedelta(hours=1))
    make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    assert looks(live) == []


def test_an_object_missing_at_its_provider_is_reported_until_restored(live):
    """Given an assistant deleted by hand, then it is reported as missing until a redeployment
    restores it.
    """
    gone = live.made("receptionist")
    with live.vapi.shared.lock:
        live.vapi.books.drop("assistant", gone.provider_id)
    (row,) = looks(live)
    assert (row.what, row.provider_id, row.account_id) == (
        "missing",
        gone.provider_id,
        live.account.id,
    )
    assert check_strays().found == "1 missing"
    assert live.deploys().status == "live"
    assert [each.state for each in look_again(live)] == ["gone"]
    assert check_strays().level == "ok"


def test_an_object_absent_from_a_list_but_readable_is_not_missing(live):
    """Given a list that lacks an object, when a read by its id finds it, then it is not missing."""
    place = PLACES["vapi.assistant"]
    assert list(finding._missing(place, place.ours(), [])) == []


def test_nothing_is_reported_for_a_provider_that_cannot_be_read(live):
    live.fault("error_500", "GET", "/assistant", times=9)
    with live.vapi.shared.lock:
        live.vapi.books.drop("assistant", live.made("receptionist").provider_id)
    assert looks(live, unread=["vapi.assistant"]) == []


def released(deploying, stray_id, why="an old test"):
    answer = CliRunner().invoke(payphone, ["strays", "release", stray_id, "--why", why])
    given.worked(deploying.redis, "deploys")
    given.retried(deploying.redis, "deploys", rounds=1)
    return answer


def test_an_operator_can_release_an_orphan(live):
    """Given orphans, when an operator releases one, then only that one is deleted, and the audit
    log has the operator and the reason.
    """
    made = make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    rows = {f"{row.provider}.{row.kind}": row for row in looks(live)}
    number = rows["twilio.number"]
    answer = released(live, number.id)
    assert answer.exit_code == 0, answer.output
    assert Stray.get_by_id(number.id).state == "released"
    assert made["twilio.number"] not in [row["id"] for row in numbers.list_numbers()]
    assert len(numbers.list_numbers()) == 1
    (asked,) = AuditEntry.select().where(AuditEntry.action == "stray.release_requested")
    assert asked.detail["why"] == "an old test"
    assert asked.actor.startswith("cli:")
    shown = CliRunner().invoke(payphone, ["strays", "list"]).output
    assert number.id not in shown
    assert len(look_again(live)) == 8


@pytest.mark.parametrize("what", ["renamed", "ours"])
def test_an_orphan_claimed_or_renamed_before_its_release_is_kept(live, what):
    """Given an orphan with a requested release, when it is renamed at its provider or becomes an
    account's before its job runs, then it is kept.
    """
    make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    (row,) = (each for each in looks(live) if each.kind == "number")
    answer = CliRunner().invoke(payphone, ["strays", "release", row.id, "--why", "an old test"])
    assert answer.exit_code == 0, answer.output
    if what == "renamed":
        numbers.update_number(row.provider_id, friendly_name="Front desk")
    else:
        PhoneLine.update(twilio_sid=row.provider_id).execute()
    given.worked(live.redis, "deploys")
    given.retried(live.redis, "deploys", rounds=1)
    assert numbers.get_number(row.provider_id)["id"] == row.provider_id
    now = Stray.get_by_id(row.id)
    assert (now.state, "no longer a stray" in now.detail) == ("gone", True)
    assert AuditEntry.select().where(AuditEntry.action == "stray.let_be").count() == 1


def test_an_operator_can_release_sip_objects(live):
    """Given an orphaned trunk, credential list and Vapi credential, when an operator releases them,
    then each is gone at its provider.
    """
    made = make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    rows = {f"{row.provider}.{row.kind}": row for row in looks(live)}
    for name in ("twilio.trunk", "twilio.login-list", "vapi.credential"):
        assert released(live, rows[name].id).exit_code == 0
        assert Stray.get_by_id(rows[name].id).state == "released"
        with pytest.raises(ProviderError) as raised:
            PLACES[name].read(made[name])
        assert raised.value.code in finding.GONE


def test_releasing_waits_for_what_depends_on_it(live):
    """Given a squad of an assistant with a tool, all orphaned, then the assistant's and the tool's
    release are retried, and both are there until the squad is gone.
    """
    made = make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    rows = {row.kind: row for row in looks(live)}
    kinds = ("tool", "assistant", "squad")

    def states():
        return [Stray.get_by_id(rows[kind].id).state for kind in kinds]

    for kind in kinds[:2]:
        assert released(live, rows[kind].id).exit_code == 0
    assert states() == ["releasing", "releasing", "open"]
    assert {PLACES[f"vapi.{kind}"].read(made[f"vapi.{kind}"])["id"] for kind in kinds} == {
        made[f"vapi.{kind}"] for kind in kinds
    }
    assert released(live, rows["squad"].id).exit_code == 0
    given.retried(live.redis, "deploys", rounds=3)
    assert states() == ["released"] * 3


@pytest.mark.parametrize("what", ["nobody", "missing", "ours"])
def test_releasing_anything_but_an_orphan_is_refused(live, what):
    """Given an unknown id, a missing object, or one that belongs to an account by now, then its
    release is refused with a reason, and nothing is deleted.
    """
    owned = live.made("receptionist")
    with transaction():
        row = Stray.create(
            id=new_id("stray"),
            provider="vapi",
            kind="assistant",
            provider_id=owned.provider_id,
            what="missing" if what == "missing" else "orphan",
            found_at=owned.created_at,
            seen_at=owned.created_at,
        )
    answer = released(live, "stray_x" if what == "nobody" else row.id)
    assert answer.exit_code == 1
    words = {"nobody": "There is no stray", "missing": "nothing to release", "ours": "belongs to"}
    assert words[what] in answer.output
    assert live.counts()["assistant"] == 2


def test_a_refused_release_gives_its_reason_and_can_be_retried(live):
    make_one_of_each(lambda prefix: tagged(new_id(prefix)))
    (row,) = (each for each in looks(live) if each.kind == "squad")
    live.fault("refused_400", "DELETE", "/squad/*")
    released(live, row.id)
    row = Stray.get_by_id(row.id)
    assert (row.state, "400" in row.detail) == ("open", True)
    released(live, row.id)
    assert Stray.get_by_id(row.id).state == "released"


def test_place_names_list_every_place_checked_for_strays():
    assert tuple(PLACES) == PLACE_NAMES


def test_object_tags_start_with_the_installations_tag(live):
    assert all(
        PLACES["vapi.assistant"].tag(row).startswith(f"{installation_tag()}-")
        for row in live.at_vapi("assistant")
    )

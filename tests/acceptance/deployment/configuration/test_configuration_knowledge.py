"""Upload knowledge base files without payment (F66, F98): validated, uploaded to Vapi once,
followed until `done` or `failed` with the reason, and deletable in every state.
"""

import base64
import io
import json
import zipfile

import pytest

from actions.deployment.settle_undo import settle_undo
from jobs.reconcile_effects import reconcile_effects
from models.delivery.staged_job import StagedJob
from models.deployment.installation import installation_tag
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.daily_limit import DailyCeiling
from models.effects.effect import Effect
from models.effects.pause_switch import ALL, PAUSABLE, PauseSwitch
from runtime.clock import real_now
from tests import given
from tests.stand_ins.vapi_stand_in import FILES
from tests.stories.deploying import states
from tests.stories.wizard import Wizard

PATH = "/knowledge-files"
PRICES = b"name,price\nCrown,900\n"


def word(*members: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for member in members:
            archive.writestr(member, "<xml/>")
    return made.getvalue()


WORD = word("[Content_Types].xml", "word/document.xml")
# the central directory's seventh byte is the format version needed
_AT = WORD.index(b"PK\x01\x02") + 6
LATER = WORD[:_AT] + b"\x63" + WORD[_AT + 1 :]
GOOD = {
    "hours.txt": "Öffnungszeiten: 9–17\n".encode(),
    "Hours.MD": b"# Hours\n\n9 to 5",
    "prices.csv": b"\xef\xbb\xbf" + PRICES,
    "staff.json": b'{"dentist": "Ada"}',
    "brochure.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    "insurance.docx": WORD,
}


@pytest.fixture
def wizard(client, vapi_stand_in) -> Wizard:
    return Wizard(client)


@pytest.fixture
def work(valkey):
    def _work(rounds: int = 0) -> None:
        given.worked(valkey.client(), "deploys")
        given.retried(valkey.client(), "deploys", rounds)

    return _work


def upload(wizard, name="prices.csv", content=PRICES, **headers):
    """Upload the file as JSON."""
    body = {"name": name, "contentBase64": base64.b64encode(content).decode()}
    return wizard.post(PATH, body, **headers)


def send_form(wizard, name, content, field="file"):
    """Upload the file as a browser's form."""
    edge = "----edge7"
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
    body = f"--{edge}\r\n{head}\r\nContent-Type: x/y\r\n\r\n".encode() + content
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    return wizard.ask("POST", PATH, body=body + f"\r\n--{edge}--\r\n".encode(), headers=headers)


def shown(wizard, name=None):
    rows = wizard.get(PATH).json["data"]
    return [row for row in rows if name in (None, row["name"])]


@pytest.mark.one_database
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("how", [upload, send_form], ids=["json", "form"])
def test_upload_knowledge_base_files_without_payment(wizard, work, vapi_stand_in, how, name):
    """Given a file of each kind, then it is accepted, uploaded once with our metadata, and read by
    Vapi.
    """
    answer = how(wizard, name, GOOD[name])
    assert (answer.status_code, answer.json["state"]) == (201, "waiting")
    assert answer.json["size"] == len(GOOD[name])
    assert wizard.review["steps"]["knowledge"]["complete"] is False
    work(rounds=2)
    (row,) = shown(wizard)
    assert (row["id"], row["name"], row["state"]) == (answer.json["id"], name, "done")
    assert "error" not in row
    (kept,) = vapi_stand_in.kept()
    assert (kept["originalName"], kept["bytes"]) == (name, len(GOOD[name]))
    assert kept["metadata"] == {
        "account_id": wizard.account.id,
        "attempt_id": f"{installation_tag()}-{row['id']}",
        "project": "",
    }
    assert wizard.review["steps"]["knowledge"] == {
        "complete": True,
        "message": f"Ready: {name}.",
        "missing": [],
    }
    assert wizard.review["knowledgeFiles"] == [row]
    assert KnowledgeFile.get_by_id(row["id"]).content is None, "Vapi has it"


BAD = {
    "a virus": ("setup.exe", b"MZ", "another type"),
    "without an ending": ("prices", PRICES, "another type"),
    "empty": ("prices.csv", b"", "is empty"),
    "only space": ("notes.txt", b" \n\t", "not txt"),
    "too large": ("notes.txt", b"x" * 300_001, "300,001 bytes"),
    "a picture called pdf": ("scan.pdf", b"\x89PNG\r\n", "not pdf"),
    "an archive called docx": ("a.docx", word("notes.txt"), "not docx"),
    "a broken archive": ("a.docx", WORD[:20], "not docx"),
    "an archive of a later format": ("a.docx", LATER, "not docx"),
    "bytes called txt": ("a.txt", b"\x00\x01\xff", "not txt"),
    "latin letters": ("a.csv", "Zähne".encode("latin-1"), "not csv"),
    "no json": ("a.json", b"{", "not json"),
    "deep json": ("a.json", b"[" * 100_000, "not json"),
    "no name": ("", PRICES, "no name"),
    "a hidden name": ("a\u202etxt.csv", PRICES, "no name"),
    "a name of joiners": ("\u200d\u200c", PRICES, "no name"),
}


@pytest.mark.one_database
@pytest.mark.parametrize("case", BAD)
def test_unreadable_file_is_refused_with_the_reason(wizard, work, vapi_stand_in, case):
    name, content, why = BAD[case]
    answer = upload(wizard, name, content)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid"), answer.text
    (error,) = answer.json["errors"]
    assert error["field"] == "file"
    assert why in error["message"]
    assert "pdf, docx, txt, md, csv, json up to 300 KB are accepted" in error["message"]
    assert (KnowledgeFile.select().count(), Effect.select().count()) == (0, 0)
    assert vapi_stand_in.asked("POST", FILES) == []


def test_file_name_is_stripped_of_its_folders(wizard):
    assert upload(wizard, "C:\\Users\\ada\\prices.csv").json["name"] == "prices.csv"
    assert send_form(wizard, "../../etc/prices.csv", PRICES).json["name"] == "prices.csv"


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["قیمت\u200cها.csv", "क्\u200dष.csv", "👩\u200d⚕️.csv"])
def test_file_name_with_unicode_joiners_is_accepted(wizard, name):
    """Persian, Hindi and an emoji of a doctor cannot be written without joiners."""
    answer = upload(wizard, name, PRICES)
    assert (answer.status_code, answer.json.get("name")) == (201, name), answer.text


def test_oversized_body_or_malformed_form_is_refused(wizard):
    assert send_form(wizard, "a.txt", b"x" * 1_100_000).status_code == 413
    assert send_form(wizard, "a.txt", PRICES, field="other").json["code"] == "bad_request"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x", b"--x\r\nContent-Disposition: form-data; name=file", b"\xff" * 99):
        answer = wizard.ask("POST", PATH, body=body, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (400, "bad_request"), body
    answer = wizard.ask("POST", PATH, body=PRICES, headers={"Content-Type": "multipart/form-data"})
    assert answer.status_code == 400
    assert wizard.post(PATH, {"name": "a.txt", "contentBase64": "%%%"}).status_code == 422


def test_card_number_in_a_file_or_its_name_is_refused_and_not_stored(wizard):
    said = b"call us, card 4242 4242 4242 4242 exp 12/30"
    for answer in (
        upload(wizard, "a.txt", said),
        send_form(wizard, "a.md", said),
        upload(wizard, "4242424242424242.txt", b"hello"),
        send_form(wizard, "4242424242424242.txt", b"hello"),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")
    assert KnowledgeFile.select().count() == 0


def test_repeated_idempotency_key_adds_no_second_file(wizard, work, vapi_stand_in):
    one, other = (upload(wizard, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert one.json["id"] == other.json["id"]
    work(rounds=2)
    assert len(vapi_stand_in.kept()) == 1


def test_file_that_vapi_cannot_read_fails_with_the_reason(wizard, work):
    upload(wizard, "unreadable.txt", b"hello")
    work(rounds=2)
    (row,) = shown(wizard)
    assert row["state"] == "failed"
    assert "could not read any text" in row["error"]
    step = wizard.review["steps"]["knowledge"]
    assert (step["complete"], step["missing"]) == (False, []), "files are optional"
    assert row["error"] in step["message"]


def test_file_is_polled_and_fails_if_vapi_takes_too_long(wizard, work, vapi_stand_in):
    vapi_stand_in.habits(read_after=3600)
    upload(wizard)
    work(rounds=3)
    assert shown(wizard)[0]["state"] == "processing"
    looks = len(vapi_stand_in.shared.requests.select({"method": "GET", "provider": "vapi"}))
    assert looks >= 2
    KnowledgeFile.update(updated_at=0).execute()
    work(rounds=1)
    (row,) = shown(wizard)
    assert row["state"] == "failed", "not for ever"
    assert "in time" in row["error"]


def test_file_deleted_at_vapi_fails_with_the_reason(wizard, work, vapi_stand_in):
    vapi_stand_in.habits(read_after=3600)
    upload(wizard)
    work()
    vapi_stand_in.forget("file", vapi_stand_in.kept()[0]["id"])
    work(rounds=1)
    assert "not at Vapi any more" in shown(wizard)[0]["error"]


def test_file_refused_by_vapi_fails_with_its_reason_and_is_not_resent(wizard, work, vapi_stand_in):
    vapi_stand_in.fault("refused_400", FILES)
    upload(wizard)
    work(rounds=2)
    (row,) = shown(wizard)
    assert row["state"] == "failed"
    assert row["error"].startswith("Vapi did not take the file: ")
    assert len(vapi_stand_in.asked("POST", FILES)) == 1


def delete(wizard, file_id):
    return wizard.ask("DELETE", f"{PATH}/{file_id}")


STATES = {
    "waiting": lambda _wizard, _work, _vapi: None,
    "processing": lambda _wizard, work, vapi: (vapi.habits(read_after=3600), work()),
    "done": lambda _wizard, work, _vapi: work(2),
    "failed": lambda _wizard, work, vapi: (vapi.fault("refused_400", FILES), work(2)),
}


@pytest.mark.parametrize("state", STATES)
def test_a_file_is_deletable_in_every_state(wizard, work, vapi_stand_in, state):
    file_id = upload(wizard).json["id"]
    STATES[state](wizard, work, vapi_stand_in)
    assert shown(wizard)[0]["state"] == state
    assert delete(wizard, file_id).status_code == 204
    assert shown(wizard) == []
    assert wizard.get(f"{PATH}/{file_id}").status_code == 404
    assert delete(wizard, file_id).status_code == 404
    work(rounds=2)
    assert vapi_stand_in.kept() == []
    row = KnowledgeFile.get_by_id(file_id)
    assert (row.state, row.content) == ("deleted", None)
    assert {effect.state for effect in Effect.select()} <= {"confirmed", "refused"}
    assert {job.state for job in StagedJob.select()} == {"done"}


def test_another_clinics_files_are_not_found(wizard, client):
    file_id = upload(wizard).json["id"]
    other = Wizard(client)
    assert other.get(f"{PATH}/{file_id}").status_code == 404
    assert delete(other, file_id).status_code == 404
    assert client.simulate_get(f"{wizard.home}{PATH}", headers=other.key).status_code == 404
    assert shown(other) == []


def test_daily_file_ceiling_is_per_account_and_uploads_ignore_pauses(wizard, client, work):
    """Given an account at its own daily ceiling, then its next file is refused, while another
    account's is accepted, and its own are uploaded although everything is paused.
    """
    for what in PAUSABLE:
        PauseSwitch.set(ALL, what, True, "cli:ada", "a test")
    DailyCeiling.change(wizard.has_its_noon_now().account.id, "files", 2, "cli:ada")
    assert [upload(wizard).status_code for _ in range(2)] == [201, 201]
    answer = upload(wizard)
    assert (answer.status_code, answer.json["code"]) == (409, "ceiling_reached")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert "2 files a day" in answer.json["detail"]
    other = Wizard(client)
    assert upload(other).status_code == 201
    work(2)
    states = [file["state"] for file in shown(wizard) + shown(other)]
    assert states == ["done"] * 3


def test_an_account_has_fifty_files_at_most(wizard):
    now = real_now()
    for number in range(50):
        KnowledgeFile.create(
            id=f"kf_{number}",
            account=wizard.account,
            name="a.txt",
            content_type="text/plain",
            size=1,
            digest="",
            state="done",
            created_at=now,
            updated_at=now,
        )
    answer = upload(wizard)
    assert answer.status_code == 422
    assert "50" in json.dumps(answer.json["errors"])


def add(clinic, *names):
    """Have Vapi read files of these names, and return the ids of their rows."""
    content = base64.b64encode(PRICES).decode()
    added = [clinic.call("POST", f"…{PATH}", name=name, contentBase64=content) for name in names]
    clinic.works(3)
    return [answer.json["id"] for answer in added]


def live_with(clinic, *names):
    """Deploy with these files, and return the ids of their rows."""
    added = add(clinic, *names)
    clinic.goes_live()
    return added


def deletion_of(file_id):
    return StagedJob.get(StagedJob.name == "delete_knowledge_file", StagedJob.key == file_id)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("prices.csv",), ("prices.csv", "hours.csv")])
def test_a_file_that_callers_still_hear_of_is_deleted_with_the_next_deploy(clinic, names):
    """Given a live receptionist that searches a deleted file, then its deletion waits without
    failing or leaving a doubt, the account says that the receptionist still answers from it, and
    the next Deploy deletes it.
    """
    file_id, *_ = live_with(clinic, *names)
    assert clinic.call("DELETE", f"…{PATH}/{file_id}").status_code == 204
    for _ in range(2):
        clinic.works(2)
        job = deletion_of(file_id)
        assert (job.state, job.attempts, KnowledgeFile.get_by_id(file_id).state) == (
            "done",
            1,
            "deleting",
        )
        step = clinic.call("GET", "…").json["steps"]["knowledge"]
        assert "still answer from" in step["warning"]
        assert "prices.csv" in step["warning"]
        assert "hours.csv" not in step["warning"]
        assert not Effect.has("state IN ('sending', 'unknown')")
        reconcile_effects.perform()
        given.worked(clinic.redis, "periodic")
        clinic.ages()
    clinic.goes_live()
    clinic.works(3)
    assert KnowledgeFile.get_by_id(file_id).state == "deleted"
    assert len(list(clinic.voice.books.each("file"))) == len(names) - 1
    assert "warning" not in clinic.call("GET", "…").json["steps"]["knowledge"]
    assert {job.state for job in StagedJob.select()} == {"done"}


@pytest.mark.slow
def test_a_deleted_file_goes_once_support_has_removed_the_search(clinic):
    """Given a take-down that could not remove the search, then the deleted file goes as soon as an
    operator says that it was removed by hand.
    """
    (file_id,) = live_with(clinic, "prices.csv")
    clinic.call("DELETE", f"…{PATH}/{file_id}")
    fault = {"kind": "refused_400", "provider": "vapi", "method": "DELETE", "path": "/tool/*"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault, times=9)
    live = clinic.call("GET", "…").json["deployment"]["id"]
    clinic.call("POST", f"/api/deployments/{live}/take-down")
    clinic.works(6)
    assert states(clinic.shown(live))["query_tool"] == "undo_failed"
    assert (deletion_of(file_id).state, KnowledgeFile.get_by_id(file_id).state) == (
        "done",
        "deleting",
    )
    (tool,) = list(clinic.voice.books.each("tool"))
    clinic.voice.books.drop("tool", tool["id"])
    settle_undo(live, "query_tool", "deleted in Vapi's dashboard", "op_1")
    clinic.works(2)
    assert KnowledgeFile.get_by_id(file_id).state == "deleted"


@pytest.mark.slow
def test_a_deleted_file_goes_if_its_search_is_gone_and_no_other_can_be_created(clinic):
    """Given a search that was deleted at Vapi, then the next Deploy deletes the file even if Vapi
    refuses the new search, and the deployment is undone.
    """
    file_id, _ = live_with(clinic, "prices.csv", "hours.csv")
    clinic.call("DELETE", f"…{PATH}/{file_id}")
    clinic.works(2)
    assert (deletion_of(file_id).state, KnowledgeFile.get_by_id(file_id).state) == (
        "done",
        "deleting",
    )
    (tool,) = list(clinic.voice.books.each("tool"))
    clinic.voice.books.drop("tool", tool["id"])
    fault = {"kind": "refused_400", "provider": "vapi", "method": "POST", "path": "/tool"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault)
    begun = clinic.deploys().json["id"]
    clinic.works(4)
    assert clinic.shown(begun)["status"] == "failed"
    assert KnowledgeFile.get_by_id(file_id).state == "deleted"


@pytest.mark.slow
@pytest.mark.parametrize("names", [("prices.csv",), ("prices.csv", "hours.csv")])
@pytest.mark.parametrize("is_live", [False, True])
def test_a_file_that_is_deleted_during_a_deployment_is_left_out(clinic, names, is_live):
    """Given a search that Vapi cannot take just then, when one of its files is deleted meanwhile,
    then the deployment goes on without that file, instead of being undone.
    """
    file_id, *_ = live_with(clinic, *names) if is_live else add(clinic, *names)
    if is_live:
        clinic.works(2)
        file_id, *_ = add(clinic, "fees.csv")
    fault = {"kind": "rate_limit_429", "provider": "vapi", "times": 2}
    method, path = ("PATCH", "/tool/*") if is_live else ("POST", "/tool")
    clinic.twilio.stand_in.sandbox.inject_fault(**fault, method=method, path=path)
    begun = clinic.deploys().json["id"]
    clinic.works(1 if is_live else 2)  # a number is bought first
    assert states(clinic.shown(begun))["query_tool"] == "running"
    clinic.call("DELETE", f"…{PATH}/{file_id}")
    clinic.works()
    assert KnowledgeFile.get_by_id(file_id).state == "deleted"
    clinic.works(5)
    assert clinic.shown(begun)["status"] == "live", clinic.shown(begun)
    searched = [base for tool in clinic.voice.books.each("tool") for base in tool["knowledgeBases"]]
    left = {row["id"] for row in clinic.voice.books.each("file")}
    assert {each for base in searched for each in base["fileIds"]} == left
    assert len(left) == len(names) - (not is_live)


@pytest.mark.slow
def test_a_search_whose_last_file_is_deleted_while_its_answer_is_lost_is_not_left_behind(clinic):
    """Given a search that Vapi has created, but whose answer is lost, when its only file is deleted
    meanwhile, then search and file are deleted once the receptionist is live.
    """
    (file_id,) = add(clinic, "prices.csv")
    fault = {"kind": "timeout_after", "provider": "vapi", "method": "POST", "path": "/tool"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault, seconds=2)
    begun = clinic.deploys().json["id"]
    clinic.works(2)
    assert states(clinic.shown(begun))["query_tool"] == "running"
    assert len(list(clinic.voice.books.each("tool"))) == 1
    clinic.call("DELETE", f"…{PATH}/{file_id}")
    clinic.works(6)
    assert clinic.shown(begun)["status"] == "live", clinic.shown(begun)
    assert list(clinic.voice.books.each("tool")) == []
    assert KnowledgeFile.get_by_id(file_id).state == "deleted"
    assert not Effect.has("state IN ('sending', 'unknown')")


@pytest.mark.slow
@pytest.mark.parametrize("names", [(), ("prices.csv",)])
def test_a_file_that_is_added_during_a_deployment_is_said_to_wait_for_the_next(clinic, names):
    """Given a file that Vapi has read only after the search was prepared, then the account says
    that callers hear of it from the next Deploy on, which adds it.
    """
    add(clinic, *names)
    fault = {"kind": "rate_limit_429", "provider": "vapi", "method": "POST", "path": "/assistant"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault, times=4)
    begun = clinic.deploys().json["id"]
    clinic.works(2)
    assert states(clinic.shown(begun))["receptionist"] == "running"
    (file_id,) = add(clinic, "hours.csv")
    assert KnowledgeFile.get_by_id(file_id).state == "done"
    clinic.works(4)
    assert clinic.shown(begun)["status"] == "live"
    step = clinic.call("GET", "…").json["steps"]["knowledge"]
    assert "hours.csv" in step["warning"]
    assert "prices.csv" not in step["warning"]
    clinic.goes_live()
    (tool,) = list(clinic.voice.books.each("tool"))
    assert len(tool["knowledgeBases"][0]["fileIds"]) == len(names) + 1
    assert "warning" not in clinic.call("GET", "…").json["steps"]["knowledge"]

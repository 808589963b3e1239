"""Case 5 (F97, F120, F121): a deployment that fails midway is kept for a retry or rolled back; one
that no job advances any more is ended.
"""

from datetime import timedelta

import pytest

from actions.deployment import stuck
from actions.deployment.open_effects import settle_open_effects
from actions.deployment.progress import locked_run, record_undone
from actions.deployment.settle_undo import settle_undo
from actions.deployment.strays.find_strays import check_place
from actions.deployment.stuck import CARDHOLDER_WITHIN, end_stuck, roll_back_undecided
from bin.commands.checks.deployments import check_deployments
from effects.settle import reconcile_owner
from jobs.end_stuck_deployments import end_stuck_deployments
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import KEPT_FOR, Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.resource import Resource, Stray
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from providers.twilio.numbers import release_number
from runtime.clock import real_now, rfc3339
from runtime.errors import NotAllowed
from runtime.settings import get_settings
from tests import given
from tests.stories.deploying import states
from tests.stories.going_live import FEE, MAKES, MAKES_OF, UNMAKES, GoingLive

pytestmark = pytest.mark.slow  # nearly every test goes live first

KEPT = ["emergency_address", "number", "query_tool", "receptionist", "payments", "squad", "routing"]


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice, monkeypatch):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return GoingLive(client, valkey.client(), twilio_stand_in, voice)


def died(name):
    """Let the newest job of this name use up its attempts."""
    job = StagedJob.select().where(StagedJob.name == name).order_by(StagedJob.id.desc()).get()
    StagedJob.update(state="dead", last_error="gave up: Twilio was away").where(
        StagedJob.id == job.id
    ).execute()


def works_until_in_doubt(clinic):
    """Go on with the deployment until an effect is in doubt, and return those that are."""
    for _ in range(40):
        doubts = [effect for effect in Effect.select() if effect.in_doubt]
        if doubts:
            break
        given.make_due()
        given.relayed(clinic.redis)
        given.worked(clinic.redis, "deploys", rounds=1)
    assert doubts
    return doubts


@pytest.mark.one_database
@pytest.mark.parametrize("step", KEPT)
def test_what_was_kept_is_gone_on_with_where_it_failed(clinic, step):
    """Given a refused step and kept progress, then a retry does that step, and repeats nothing
    else.
    """
    clinic.refuses(step)
    shown = clinic.deploys_all(onFailure="keep")
    assert (shown["status"], shown["canRetry"]) == ("failed", True), shown
    assert states(shown)[step] == "failed"
    assert clinic.deploys(cost=FEE).status_code == 409
    assert clinic.call("GET", "…").json["message"] == shown["message"]
    made = list(Effect.select(Effect.key).where(Effect.state == "confirmed").tuples())
    assert clinic.asks("retry", shown["id"]).status_code == 202
    shown = clinic.comes_to_rest(shown["id"])
    assert shown["status"] == "live", shown
    clinic.has_one_of_each()
    assert set(made) <= set(Effect.select(Effect.key).where(Effect.state == "confirmed").tuples())


@pytest.mark.parametrize("step", ["emergency_address", "routing"])
def test_what_was_kept_is_given_back_when_that_is_asked(clinic, step):
    clinic.refuses(step)
    shown = clinic.deploys_all(onFailure="keep")
    assert clinic.kept == FEE
    assert clinic.asks("rollback", shown["id"]).status_code == 202
    assert clinic.comes_to_rest(shown["id"])["status"] == "rolled_back"
    clinic.has_nothing()
    assert clinic.asks("retry", shown["id"]).status_code == 409


def test_what_nobody_decides_about_is_named_and_given_back_after_a_week(clinic):
    """Given kept progress, then doctor names it from the second day on; after a week it is rolled
    back, and another deployment goes live.
    """
    clinic.refuses("routing")
    shown = clinic.deploys_all(onFailure="keep")
    row = Deployment.get_by_id(shown["id"])
    assert shown["keptUntil"] == rfc3339(row.finished_at + KEPT_FOR)
    assert kept_finding().found == "none"
    row.record(real_now(), finished_at=real_now() - timedelta(days=2))
    assert shown["id"] in kept_finding().found
    roll_back_undecided()
    assert clinic.shown(shown["id"])["canRetry"] is True
    row.record(real_now(), finished_at=real_now() - KEPT_FOR - timedelta(minutes=1))
    roll_back_undecided()
    shown = clinic.comes_to_rest(shown["id"])
    assert (shown["status"], shown["keptUntil"]) == ("rolled_back", None), shown
    clinic.has_nothing()
    assert kept_finding().found == "none"
    assert AuditEntry.has("action = 'deployment.kept_too_long'")
    assert clinic.deploys_all()["status"] == "live"


@pytest.mark.parametrize("step", ["number", "squad"])
def test_a_retry_of_what_is_put_off_tries_at_once(clinic, step):
    """Given a throttled step that is waiting to be retried, then a retry by the clinic runs it at
    once.
    """
    clinic.fault("rate_limit_429", MAKES[step])
    begun = clinic.deploys(cost=FEE).json
    clinic.works()
    assert clinic.shown(begun["id"])["status"] == "running"
    given.relayed(clinic.redis)
    clinic.works()
    assert clinic.shown(begun["id"])["status"] == "running"
    assert clinic.asks("retry", begun["id"]).status_code == 202
    for _ in range(3):
        given.relayed(clinic.redis)
        clinic.works()
    assert states(clinic.shown(begun["id"]))[step] == "done"


def kept_finding():
    (finding,) = (each for each in check_deployments() if each.what == "failed deployments kept")
    return finding


def test_however_many_deployments_run_each_is_looked_at(clinic, monkeypatch):
    """Given more running deployments than one batch, then a stuck one in a later batch is ended
    too.
    """
    monkeypatch.setattr(stuck, "BATCH", 1)
    clinic.refuses("squad")
    waiting = Deployment.get_by_id(clinic.deploys(cost=FEE).json["id"])
    other = clinic.another().configures().has_card()
    other.deploys(cost=FEE)
    StagedJob.update(state="dead", last_error="gave up").where(
        StagedJob.name == "deploy_account",
        StagedJob.key != DeploymentStep.of(waiting.id)[0].id,
    ).execute()
    end_stuck_deployments.perform()
    given.worked(clinic.redis, "periodic")
    assert Deployment.newest(other.account.id).status == "rolling_back"
    assert Deployment.newest(clinic.account.id).status == "queued"


def test_a_number_that_was_released_by_hand_is_settled(clinic):
    """Given a number that Twilio did not release, when an operator releases it and settles the
    step, then the slot is free, and doctor no longer reports it.
    """
    clinic.refuses("routing")
    clinic.fault("refused_400", UNMAKES["number"])
    shown = clinic.deploys_all()
    assert states(shown)["number"] == "undo_failed"
    (number,) = clinic.twilio.owned().values()
    release_number(number["sid"])
    settle_undo(shown["id"], "number", "released in the console", "cli:test")
    clinic.works(2)
    assert clinic.line is None
    assert f"number of {shown['id']}" not in next(iter(check_deployments())).found
    with pytest.raises(NotAllowed, match="number is not among the steps that could not be undone"):
        settle_undo(shown["id"], "number", "again", "cli:test")


def test_what_was_taken_away_by_hand_at_vapi_is_settled(clinic):
    """Given an imported number that Vapi did not delete, when an operator deletes it there and
    settles the step, then it no longer belongs to the account and is not reported missing.
    """
    live = clinic.deploys_all()
    assert live["status"] == "live"
    made = Resource.named(clinic.account.id, "vapi_number")
    clinic.fault("refused_400", UNMAKES["routing"])
    assert clinic.call("POST", f"/api/deployments/{live['id']}/take-down").status_code == 202
    clinic.works()
    assert states(clinic.shown(live["id"]))["routing"] == "undo_failed"
    clinic.voice.books.drop("phone-number", made.provider_id)
    settle_undo(live["id"], "routing", "taken away in the dashboard", "cli:test")
    assert Resource.named(clinic.account.id, "vapi_number") is None
    assert clinic.line is None or clinic.line.vapi_id is None
    assert clinic.comes_to_rest(live["id"])["status"] == "taken_down"
    check_place("vapi.phone-number")
    assert not Stray.has("state = 'open'")


def test_an_address_that_a_number_of_before_was_refused_is_asked_for_again(clinic):
    """Given a number bought on its own, to which Twilio refuses the emergency address once, then a
    retry sets it.
    """
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    clinic.fault("refused_400", MAKES_OF["ported"]["ported_number"])
    shown = clinic.deploys_all(onFailure="keep")
    assert (shown["status"], states(shown)["number"]) == ("failed", "failed"), shown
    assert clinic.asks("retry", shown["id"]).status_code == 202
    assert clinic.comes_to_rest(shown["id"])["status"] == "live"
    clinic.has_one_of_each()


def test_a_retry_asks_for_a_card(clinic):
    clinic.refuses("routing")
    shown = clinic.deploys_all(onFailure="keep")
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    answer = clinic.asks("retry", shown["id"])
    assert (answer.status_code, answer.json["code"]) == (402, "payment_method_required")


@pytest.mark.parametrize("name", ["deploy_account", "purchase_number"])
def test_a_deployment_whose_job_has_given_up_is_undone(clinic, name):
    """Given a job that used up its attempts, when the sweep runs, then the deployment is rolled
    back.
    """
    asked = "receptionist" if name == "deploy_account" else "number"
    clinic.fault("refuse", MAKES[asked], times=50)
    begun = clinic.deploys(cost=FEE).json
    clinic.works()
    died(name)
    clinic.stripe.forgive()
    end_stuck()
    end_stuck()  # before the undoing has begun
    shown = clinic.comes_to_rest(begun["id"])
    assert (shown["status"], shown["code"]) == ("rolled_back", "gave_up"), shown
    assert "undo_failed" not in states(shown).values(), shown
    clinic.has_nothing()


def test_a_purchase_that_has_given_up_is_not_repeated_by_the_deployment_that_waits_for_it(clinic):
    """Given a number that is being bought on its own and a deployment that waits for it, when the
    purchase gives up, then it stays so until the sweep frees its line, and the deployment buys its
    own number.
    """
    clinic.fault("refuse", MAKES["number"], times=50)
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    begun = clinic.deploys(cost=FEE).json
    clinic.works(2)
    assert states(clinic.shown(begun["id"]))["number"] == "running"
    died("purchase_number")
    clinic.works(2)
    assert StagedJob.get(StagedJob.name == "purchase_number").state == "dead"
    clinic.stripe.forgive()
    end_stuck_deployments.perform()
    assert clinic.comes_to_rest(begun["id"])["status"] == "live"
    clinic.has_one_of_each()


def test_a_retry_gives_a_job_that_has_given_up_new_attempts(clinic):
    clinic.fault("refuse", MAKES["squad"], times=50)
    begun = clinic.deploys(cost=FEE).json
    clinic.works()
    died("deploy_account")
    clinic.stripe.forgive()
    assert clinic.asks("retry", begun["id"]).status_code == 202
    assert clinic.comes_to_rest(begun["id"])["status"] == "live"
    clinic.has_one_of_each()


@pytest.mark.one_database
@pytest.mark.parametrize(
    "step", ["fee", "charge", "emergency_address", "number", "receptionist", "routing"]
)
def test_what_is_found_while_it_is_undone_is_undone_too(clinic, step):
    """Given a lost answer and a dead job, when the hourly reconciliation finds what was made before
    the undoing does, then that is undone too.
    """
    clinic.fault("refuse_after", MAKES[step])
    begun = clinic.deploys(cost=FEE).json
    doubts = works_until_in_doubt(clinic)
    name = "purchase_number" if step == "number" else "deploy_account"
    died(name)
    end_stuck()
    StagedJob.update(state="done").where(StagedJob.name == name).execute()
    assert reconcile_owner(doubts[0], "test") is not None
    assert Effect.get_by_id(doubts[0].id).state == "confirmed"
    shown = clinic.comes_to_rest(begun["id"])
    assert "undo_failed" not in states(shown).values(), shown
    clinic.has_nothing()
    assert all(intent.status in {"canceled", "succeeded"} for intent in clinic.intents)


def test_what_a_newer_release_has_sent_is_not_undone_without_it(clinic):
    """Given a step in doubt whose effect is of a kind only a newer release knows, then its undoing
    raises and waits for that release.
    """
    clinic.fault("refuse_after", MAKES["receptionist"])
    clinic.deploys(cost=FEE)
    doubts = works_until_in_doubt(clinic)
    Effect.update(kind="receptionist_of_tomorrow").where(Effect.id == doubts[0].id).execute()
    with pytest.raises(ProviderError, match="a newer release's"):
        settle_open_effects(DeploymentStep.get(DeploymentStep.name == "receptionist").id)
    assert Effect.get_by_id(doubts[0].id).state == "unknown"


def test_a_release_that_has_given_up_is_left_to_a_person(clinic):
    """Given a Twilio outage that outlasts the number's release, then the rest is undone all the
    same, and after the next deployment the clinic owns one number.
    """
    clinic.refuses("routing")
    clinic.fault("refuse", UNMAKES["number"], times=50)
    begun = clinic.deploys(cost=FEE).json
    clinic.works(2)
    died("release_number")
    clinic.stripe.forgive()
    end_stuck()
    shown = clinic.comes_to_rest(begun["id"])
    assert states(shown)["number"] == "undo_failed", shown
    assert clinic.kept == 0
    assert clinic.deploys_all(rounds=20)["status"] == "live"
    assert len(clinic.twilio.owned()) == 1


def test_a_release_that_gives_up_again_ends_the_next_deployment(clinic):
    """Given a Twilio outage that also outlasts the release in the next deployment, then that one is
    rolled back with the fee refunded, and says what to do by hand.
    """
    clinic.refuses("routing")
    clinic.fault("refuse", UNMAKES["number"], times=1000)
    for _ in range(2):
        begun = clinic.deploys(cost=FEE).json
        clinic.works(2)
        died("release_number")
        end_stuck()
        shown = clinic.comes_to_rest(begun["id"])
        assert shown["status"] == "rolled_back", shown
    assert shown["code"] == "gave_up"
    assert "Twilio console" in shown["error"]
    assert clinic.kept == 0


def test_a_number_that_twilio_does_not_release_stops_the_next_deployment_loudly(clinic):
    """Given a release that Twilio refuses, then the next deployment tries once more, is rolled back
    and says what to do; once the release works, a deployment goes live.
    """
    clinic.refuses("routing")
    clinic.fault("refused_400", UNMAKES["number"], times=2)
    clinic.deploys_all()
    (number,) = clinic.twilio.owned()
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == "rolled_back", shown
    assert number in shown["error"]
    assert "Twilio console" in shown["error"]
    assert clinic.kept == 0
    assert clinic.deploys_all(rounds=20)["status"] == "live"
    assert number not in clinic.twilio.owned()
    assert len(clinic.twilio.owned()) == 1


def test_a_cardholder_who_never_comes_is_charged_nothing(clinic):
    """Given a bank that wants its cardholder, when they do not confirm within a day, then the
    deployment fails, nothing is charged, and another one can begin.
    """
    method = clinic.setup.stripe_payment_method_id
    clinic.stripe.act(method, "become", card="authenticationRequired")
    begun = clinic.deploys(cost=FEE).json
    clinic.works(2)
    row = Deployment.get_by_id(begun["id"])
    assert row.status == "payment_action_required"
    end_stuck()
    assert Deployment.get_by_id(row.id).status == "payment_action_required"
    row.record(real_now() - CARDHOLDER_WITHIN - timedelta(minutes=1))
    end_stuck()  # polls Stripe once more first
    clinic.works(2)
    assert Deployment.get_by_id(row.id).status == "payment_action_required"
    end_stuck()
    shown = clinic.comes_to_rest(row.id)
    assert (shown["status"], shown["code"]) == ("failed", "authentication_expired")
    assert "within a day" in shown["error"]
    clinic.has_nothing()
    clinic.saver.has_saved()
    assert clinic.deploys_all()["status"] == "live"


def test_a_number_that_is_bought_meanwhile_by_itself_is_waited_for(clinic):
    """Given a purchase on its own in progress, when a deployment reaches its number step, then it
    uses that number, and a rollback leaves it: the clinic bought it.
    """
    clinic.fault("refuse", MAKES["number"], times=2)
    bought = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert bought.status_code == 503, bought.text
    clinic.refuses("routing")
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == "rolled_back", shown
    assert list(clinic.twilio.owned()) == [clinic.line.e164]
    assert DeploymentStep.get(DeploymentStep.name == "number").made["lineId"] == clinic.line.id
    assert clinic.deploys_all()["status"] == "live"
    assert len(clinic.twilio.owned()) == 1


@pytest.mark.parametrize("fault", ["refuse", "timeout_after"])
def test_a_purchase_that_was_given_up_is_not_told_as_done(clinic, fault):
    """Given a purchase whose job died and whose number was released, when the request is repeated
    with its key, then it is answered as failed.
    """
    clinic.fault(fault, MAKES["number"], seconds=2)
    headers = clinic.headers | {"Idempotency-Key": "one"}
    asked = {"json": {"accountId": clinic.account.id}, "headers": headers}
    path = "/api/twilio/phone/purchase"
    answer = clinic.client.simulate_post(path, **asked)
    assert answer.status_code == 503, answer.text
    died("purchase_number")
    clinic.stripe.forgive()
    end_stuck_deployments.perform()
    clinic.works(4)
    assert (clinic.line, clinic.twilio.owned()) == (None, {})
    again = clinic.client.simulate_post(path, **asked)
    assert (again.status_code, again.json["code"]) == (409, "number_unavailable"), again.text
    headers["Idempotency-Key"] = "two"
    assert clinic.client.simulate_post(path, **asked).status_code == 201


def test_a_refusal_that_comes_after_somebody_has_settled_it_opens_nothing_again(clinic):
    """Given a step that an operator settled while its job waited for the provider, when the
    provider refuses, then the step stays settled.
    """
    shown = clinic.deploys_all()
    step = DeploymentStep.get(
        (DeploymentStep.deployment == shown["id"]) & (DeploymentStep.name == "squad")
    )
    step.record(state="undone")
    with transaction():
        record_undone(locked_run(step.id), Effect.select().first(), None)
    assert DeploymentStep.get_by_id(step.id).state == "undone"


def test_taking_down_goes_in_the_order_in_which_nothing_is_left_hanging(clinic):
    """A take-down deletes the number at Vapi, the squad, the assistants, the tool, then Twilio's
    number and address.
    """
    shown = clinic.deploys_all()
    clinic.stripe.sandbox.shared.requests.entries.clear()
    assert clinic.asks("take-down", shown["id"]).status_code == 202
    assert clinic.comes_to_rest(shown["id"])["status"] == "taken_down"
    rows = clinic.stripe.sandbox.shared.requests.select({"method": "DELETE"})
    kinds = [row["path"].strip("/").split("/")[-2] for row in rows]
    assert kinds == [
        "phone-number",
        "squad",
        "assistant",
        "assistant",
        "tool",
        "IncomingPhoneNumbers",
        "Addresses",
    ]
    assert clinic.kept == FEE  # a take-down refunds nothing

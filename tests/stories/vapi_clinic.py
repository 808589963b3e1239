"""A clinic that deploys with the stand-ins of Stripe, Twilio and Vapi; no step is done by hand."""

from datetime import timedelta
from typing import Any

from actions.deployment.deploy import deploy, retry, take_down
from models.accounts.account import Account
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent, DeploymentStep
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.transactions import transaction
from providers.vapi import files
from runtime.clock import real_now
from runtime.ids import new_id
from sandbox.twilio.account import MAGIC_TOKEN
from sandbox.vapi.provider import Vapi
from tests import given
from tests.stand_ins.stand_in import StandIn

OVER = frozenset({"live", "failed", "rolled_back", "taken_down"})
Json = dict[str, Any]


class VapiClinic:
    """One clinic, configured for a forwarded number, with a verified card."""

    def __init__(self, stand_in: StandIn, vapi: Vapi, redis: Any, name: str = "Harbor Dental"):
        self.stand_in, self.vapi, self.redis = stand_in, vapi, redis
        self.token = MAGIC_TOKEN
        self.account: Account = given.an_account(name=name)
        now = real_now()
        with transaction():
            Setup.locked_for(self.account.id, now).record(
                now,
                phone_integration_method="forwarded",
                phone_integration_settings={
                    "businessName": name,
                    "clinicNumber": "+12025550123",
                    "needsPhoneNumber": True,
                },
                stripe_payment_method_id=f"pm_{self.account.id[-8:]}",
                payment_method_verified=True,
            )

    @property
    def setup(self) -> Setup:
        return Setup.get_by_id(self.account.id)

    def configures(self, **settings: Any) -> None:
        """Change the configuration."""
        known = self.setup
        known.record(
            real_now(), phone_integration_settings=known.phone_integration_settings | settings
        )

    def uploads(self, name: str = "prices.txt", state: str = "done") -> KnowledgeFile:
        """Create a file that Vapi has, in the given state."""
        row_id, now = new_id("kf"), real_now()
        at_vapi = files.upload_file(name, b"A filling: $120", "text/plain", {"attempt_id": row_id})
        row: KnowledgeFile = KnowledgeFile.create(
            id=row_id,
            account=self.account,
            name=name,
            content_type="text/plain",
            size=15,
            digest="",
            state=state,
            vapi_id=at_vapi["id"],
            created_at=now,
            updated_at=now,
        )
        return row

    def asks(self, on_failure: str = "rollback", **wanted: str) -> Deployment:
        """Click Deploy."""
        with transaction():
            return deploy(self.account, 0, on_failure, wanted, "test")

    def deploys(self, on_failure: str = "rollback", **wanted: str) -> Deployment:
        """Click Deploy, and let everything happen."""
        begun = self.asks(on_failure, **wanted)
        self.works()
        return Deployment.get_by_id(begun.id)

    def takes_down(self, rounds: int = 60) -> Deployment:
        newest = self.newest
        with transaction():
            take_down(Deployment.locked(newest.id), "test")
        self.works(rounds)
        return self.newest

    def retries(self) -> Deployment:
        newest = self.newest
        with transaction():
            retry(Deployment.locked(newest.id), "test")
        self.works()
        return self.newest

    def works(self, rounds: int = 60) -> None:
        """Perform everything, without waiting for what is due later, until the
        deployment is over.
        """
        for _ in range(rounds):
            given.worked(self.redis, "deploys")
            if self.newest.status in OVER:
                return
            given.make_due()
            given.relayed(self.redis)

    def works_until(self, step: str) -> None:
        """Perform one job after another until this step is done."""
        for _ in range(60):
            if self.step(step).state == "done":
                return
            given.make_due()
            given.relayed(self.redis)
            assert given.worked(self.redis, "deploys", rounds=1)
        raise AssertionError(f"{step} is {self.step(step).state}")

    @property
    def newest(self) -> Deployment:
        found = Deployment.newest(self.account.id)
        assert found is not None
        return found

    @property
    def line(self) -> PhoneLine:
        found = PhoneLine.of(self.account.id)
        assert found is not None
        return found

    def step(self, name: str) -> DeploymentStep:
        (found,) = (row for row in DeploymentStep.of(self.newest.id) if row.name == name)
        return found

    def states(self) -> dict[str, str]:
        return {row.name: row.state for row in DeploymentStep.of(self.newest.id)}

    def told(self) -> list[str]:
        """The progress messages of the newest deployment."""
        return [row.message for row in DeploymentEvent.after(self.newest.id, 0)]

    def made(self, name: str) -> Resource:
        found = Resource.named(self.account.id, name)
        assert found is not None
        return found

    def at_vapi(self, kind: str) -> list[Json]:
        """Vapi's objects of a kind, from which tests check "exactly one"."""
        with self.vapi.shared.lock:
            return list(self.vapi.books.each(kind))

    def counts(self) -> dict[str, int]:
        kinds = ("tool", "assistant", "squad", "phone-number")
        return {kind: len(self.at_vapi(kind)) for kind in kinds}

    def requests(self, method: str, kind: str) -> list[Json]:
        """Every request that reached Vapi, whatever its outcome."""
        rows = self.stand_in.sandbox.shared.requests.select({"provider": "vapi", "method": method})
        return [row for row in rows if row["path"].split("/")[1] == kind]

    def fault(self, kind: str, method: str, path: str, provider: str = "vapi", **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(
            kind=kind, provider=provider, method=method, path=path, **more
        )

    def effects(self, kind: str) -> list[Effect]:
        where = "account_id = ? AND kind = ? ORDER BY created_at"
        return Effect.all(where, self.account.id, kind)

    def has_waited(self, step: str, seconds: int) -> None:
        """Let the step have started so many seconds earlier."""
        row = self.step(step)
        assert row.started_at is not None
        row.record(started_at=row.started_at - timedelta(seconds=seconds))

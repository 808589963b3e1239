"""The fixture of tests about calls: a clinic that is live with a number, and a customer who has
agreed to calls.
"""

from datetime import timedelta
from typing import Any

from models.accounts.account import Account
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from providers.vapi import assistants, phone_numbers
from runtime.clock import real_now
from runtime.ids import new_id
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.vapi import calls as vapi_calls
from sandbox.vapi.control import answers
from tests import given
from tests.stories.texting import HOME, PHONES, Texting
from tests.stories.voice import NUMBER, assistant_body

CALLS = "/call"
Json = dict[str, Any]


class Calling(Texting):
    """A clinic that calls. The stand-ins' webhooks wait until `hears`."""

    # the gate refuses an assistant's calls to California
    phones = tuple(phone for phone in PHONES if not phone.startswith("+1415"))

    def __init__(self, client: Any, redis: Any, stand_in: Any) -> None:
        super().__init__(client, redis, stand_in)
        self.vapi = stand_in.sandbox.vapi
        self.goes_live()
        self.consents(channels=("voice", "sms"))

    def goes_live(self) -> None:
        self.line = a_live_line(self.account)

    def answers(self, script: str) -> "Calling":
        """Set the script that answers at the customer's number."""
        answers(self.vapi, self.phone, script)
        return self

    def habits(self, **changes: Any) -> None:
        with self.vapi.shared.lock:
            self.vapi.books.habits.update(changes)

    def asks(self, **body: Any) -> Any:
        return self.post(f"/api/invoices/{self.invoice.id}/calls", **body)

    def dials(self, rounds: int = 2) -> Call:
        """Request a call and place it; its webhooks are not yet delivered."""
        answer = self.asks()
        assert answer.status_code == 202, answer.text
        self.work_calls(rounds)
        return self.call(answer.json["id"])

    def work_calls(self, rounds: int = 2) -> None:
        given.worked(self.redis, "calls")
        given.retried(self.redis, "calls", rounds)

    def hears(self, *, twilio: bool = False) -> list[int]:
        """Deliver all webhooks of Vapi, and if asked to, of Twilio; return how they
        were answered.
        """
        answered: list[int] = []

        def bring(delivery: Any, headers: dict[str, str]) -> int:
            if delivery.provider != "vapi" and not (twilio and delivery.provider == "twilio"):
                return 200
            path = delivery.url.removeprefix(HOME)
            got = self.client.simulate_post(path, body=delivery.body.encode(), headers=headers)
            answered.append(got.status_code)
            delivery.answer = got.text
            return int(got.status_code)

        self.stand_in.sandbox.deliver_due(bring)
        return answered

    def talks_on(self, seconds: int) -> list[int]:
        """Deliver what is said and typed in so many seconds, while workers do what it asks for."""
        answered: list[int] = []
        for _ in range(seconds):
            answered += self.hears(twilio=True)
            self.work(1)
            with self.vapi.shared.lock:
                self.vapi.shared.moved_by += 1
        return answered

    def polls(self) -> None:
        """Poll Vapi for every call that is not fully known."""
        given.make_due()
        given.relayed(self.redis)
        given.worked(self.redis, "periodic")

    def quiet_for(self, call: Call, minutes: int) -> None:
        """Make the last news of a call so many minutes old."""
        Call.update(updated_at=real_now() - timedelta(minutes=minutes)).where(
            Call.id == call.id
        ).execute()

    def ended_ago(self, call: Call, minutes: int) -> None:
        """Let Vapi show that the call ended so many minutes ago."""
        with self.vapi.shared.lock:
            (row,) = [row for row in self.vapi.books.each("call") if row["id"] == call.vapi_id]
            row["endedAt"] = (real_now() - timedelta(minutes=minutes)).isoformat()

    def has_not_worked_out(self, call: Call, other: Json | None = None) -> Json:
        """Hide the call's transcript and analysis at Vapi, and return them. `other`: structured
        outputs that Vapi shows instead.
        """
        with self.vapi.shared.lock:
            (row,) = [row for row in self.vapi.books.each("call") if row["id"] == call.vapi_id]
            hidden = {name: row.pop(name) for name in ("artifact", "analysis")}
            row |= {"artifact": {"structuredOutputs": other}} if other else {}
            return hidden

    def call(self, call_id: str) -> Call:
        return Call.get_by_id(call_id)

    def shown(self, call: Call) -> Json:
        return dict(self.get(f"/api/calls/{call.id}"))

    def placed(self) -> list[Json]:
        """The calls that Vapi has placed for us, from which tests check "at most once"."""
        with self.vapi.shared.lock:
            return [dict(row) for row in self.vapi.books.each("call")]

    def posts(self) -> list[Json]:
        """Every request to place a call that reached Vapi, whatever its outcome."""
        rows = self.stand_in.sandbox.shared.requests.select({"provider": "vapi", "method": "POST"})
        return [row for row in rows if row["path"] == CALLS]

    def vapi_fault(self, kind: str, method: str = "POST", path: str = CALLS, **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(
            kind=kind, provider="vapi", method=method, path=path, **more
        )

    def ends(self, call: Call, why: str) -> None:
        """End the call now."""
        with self.vapi.shared.lock:
            vapi_calls.hang_up(self.vapi.books, call.vapi_id or "", why)

    def slots(self) -> int:
        return len(CallSlot.all("number > 0"))


def a_live_line(account: Account, number: str = NUMBER, **assistant: Any) -> PhoneLine:
    """Create what a deployment leaves: a number that Vapi answers, and two assistants."""
    now = real_now()
    at_vapi = phone_numbers.import_number(
        number,
        account_sid=MAGIC_ACCOUNT,
        auth_token=MAGIC_TOKEN,
        tag=new_id("line"),
        squad_id="",  # outgoing calls name the squad
    )
    for name in ("payments", "receptionist"):
        row_id = new_id("res")
        made = assistants.create_assistant(assistant_body(**assistant), tagged(row_id))
        Resource.create(
            id=row_id,
            account=account,
            deployment_id="dep",
            provider="vapi",
            name=name,
            provider_id=made["id"],
            version=made["latestVersion"],
            created_at=now,
            updated_at=now,
        )
    line: PhoneLine = PhoneLine.create(
        id=new_id("line"),
        account=account,
        e164=number,
        state="owned",
        vapi_id=at_vapi["id"],
        voice_live=True,
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    return line

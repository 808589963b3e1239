"""The fixture of tests about the assistant's tools: a clinic, a customer, and a call in progress
whose model calls tools as Vapi sends them.
"""

import json
from typing import Any

from phonenumbers import parse, region_code_for_number

from models.accounts.account_settings import AccountSettings
from models.calling.call import Call
from models.deployment.phone_line import PhoneLine
from runtime.clock import real_now
from runtime.ids import new_id
from tests.stories.texting import Address, Texting
from tests.stories.voice import SECRET

DOOR = "/api/vapi/tools"
SHAPES = ("spec", "arguments", "parameters", "paired")
NAME, CODE = "Ada Payer", "20001"
Json = dict[str, Any]


class OnTheLine(Texting):
    """A clinic in a call with its customer, who is not verified yet."""

    @staticmethod
    def home(_phone: str) -> Address:
        country = region_code_for_number(parse(_phone))
        return {"line1": "1 Main St", "postalCode": CODE, "country": country}

    def __init__(self, client: Any, redis: Any, stand_in: Any) -> None:
        super().__init__(client, redis, stand_in)
        self.call = self.a_call()

    def a_call(self, **values: Any) -> Call:
        """Create a call of ours to the customer about the invoice, in progress."""
        now = real_now()
        call = Call.request(
            [self.invoice],
            self.customer,
            from_number="+12025550199",
            phone_number_id="pn-1",
            now=now,
            reason="test",
            asked_by="test",
        )
        call._write(now, **{"state": "in_progress", "vapi_id": new_id("vapi")} | values)
        return call

    def a_ring(self, caller: str, vapi_id: str | None = None) -> Json:
        """Return an incoming call to the clinic's number as Vapi describes it."""
        if PhoneLine.of(self.account.id) is None:
            now = real_now()
            PhoneLine.create(
                id=new_id("pl"),
                account=self.account,
                e164="+12025550188",
                state="owned",
                vapi_id="pn-in",
                asked_by="test",
                created_at=now,
                updated_at=now,
            )
        return {
            "id": vapi_id or new_id("vapi"),
            "type": "inboundPhoneCall",
            "phoneNumberId": "pn-in",
            "customer": {"number": caller},
        }

    def takes_cards(self, **more: Any) -> None:
        AccountSettings.change(self.account, {"payment_collection": "in_call"} | more, real_now())

    def has_a_saved_card(self, card: str = "pm_card_visa") -> None:
        sdk = self.stand_in.sdk
        made = sdk.customers.create({"metadata": {"account_id": self.account.id}})
        attached = sdk.payment_methods.attach(card, {"customer": made.id})
        sdk.customers.update(made.id, {"invoice_settings": {"default_payment_method": attached.id}})
        self.customer.stripe_customer_id = made.id
        self.customer.save()

    def asks(
        self,
        tool: str,
        tool_id: str | None = None,
        *,
        call: Json | None = None,
        shape: str = "spec",
        heard: tuple[tuple[str, str], ...] = (),
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Any:
        """Let the model call a tool, and return the answer to Vapi's request."""
        body = message(
            call or {"id": self.call.vapi_id, "type": "outboundPhoneCall"},
            [(tool_id or new_id("toolu"), tool, arguments)],
            shape,
            heard,
        )
        proof = {"X-Vapi-Secret": SECRET} if headers is None else headers
        return self.client.simulate_post(DOOR, body=json.dumps(body).encode(), headers=proof)

    def tool(self, tool: str, tool_id: str | None = None, **more: Any) -> str:
        """Call a tool, and return the model's line, with `+` before a result and `-` before an
        error.
        """
        answer = self.asks(tool, tool_id, **more)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json["results"]
        told = [name for name in ("result", "error") if result.get(name)]
        assert len(told) == 1, result
        line = result[told[0]]
        assert "\n" not in line
        assert "\r" not in line
        return ("+" if told == ["result"] else "-") + line

    def verified(self, **more: Any) -> "OnTheLine":
        told = self.tool("verifyCaller", fullName=NAME, postalCode=CODE, **more)
        assert told.startswith("+Verified."), told
        return self


def message(
    call: Json,
    asked: list[tuple[str, str, Json]],
    shape: str = "spec",
    heard: tuple[tuple[str, str], ...] = (),
) -> Json:
    """Build a `tool-calls` message in one of the shapes that Vapi sends."""
    listed: list[Json] = []
    paired: list[Json] = []
    for tool_id, name, arguments in asked:
        text = {"name": name, "arguments": json.dumps(arguments)}
        if shape == "spec":
            listed.append({"id": tool_id, "type": "function", "function": text})
        elif shape == "paired":
            function = {"name": name, "parameters": arguments}
            entry = {"id": tool_id, "type": "function", "function": function}
            paired.append({"type": "function", "name": name, "toolCall": entry})
        else:
            listed.append({"id": tool_id, "name": name, shape: arguments})
    spoken = [{"role": role, "message": words, "time": 0} for role, words in heard]
    body: Json = {
        "type": "tool-calls",
        "timestamp": 1_790_000_000_000,
        "call": call,
        "toolCallList": listed,
        "toolWithToolCallList": paired,
        "artifact": {"messages": spoken},
    }
    return {"message": body}

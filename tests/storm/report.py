"""A storm's reports: a line while it runs, a table at the end."""

from collections import Counter
from collections.abc import Iterable

from tests.storm.client import Asked, Json
from tests.storm.evidence import Evidence
from tests.storm.faults import Faults
from tests.storm.load import World


def line(world: World, faults: Faults) -> str:
    """Return the progress so far."""
    asked = list(world.records.asked)
    answered = Counter("2xx" if one.accepted else "refused" for one in asked if one.status)
    again = sum(max(0, one.sent - 1) for one in asked)
    counts = (
        f"{len(asked)} requests ({answered['2xx']} accepted, {answered['refused']} refused, sent"
        f" again {again} times)"
    )
    return f"{counts} · {len(world.bills)} invoices · {sum(faults.counted.values())} faults"


def summary(evidence: Evidence, world: World, faults: Faults) -> str:
    """Return the table: requests, events, faults, effects, texts, calls, jobs and invoices."""
    kinds = sorted({one.what for one in evidence.asked})
    rows = [
        (f"request {what}", _counts(_word(one) for one in evidence.asked if one.what == what))
        for what in kinds
    ]
    rows.append(
        (
            "sent again",
            _counts(trouble.split(":")[0] for one in evidence.asked for trouble in one.troubles),
        )
    )
    rows.append(("steps of people and banks", _counts(world.steps.elements())))
    rows.append(("events at Stripe", str(len(evidence.events))))
    rows.append(
        ("webhooks", _counts(f"{row['provider']} {row['state']}" for row in evidence.deliveries))
    )
    rows.append(
        ("events taken in", _counts(str(row["outcome"]) for row in evidence.of("inbox_event")))
    )
    rows += [(f"fault {what}", str(times)) for what, times in sorted(faults.counted.items())]
    if faults.failed:
        rows.append(
            ("faults that could not be made", _counts(text.split(":")[0] for text in faults.failed))
        )
    kinds = sorted({row["kind"] for row in evidence.of("effect")})
    rows += [
        (
            f"effect {kind}",
            _counts(row["state"] for row in evidence.of("effect") if row["kind"] == kind),
        )
        for kind in kinds
    ]
    rows.append(("texts", _counts(row["status"] for row in evidence.of("message"))))
    rows.append(
        (
            "texts refused",
            _counts(
                str(row["error_code"])
                for row in evidence.of("message")
                if row["status"] == "refused"
            )
            or "none",
        )
    )
    rows.append(
        (
            "texts not allowed",
            _counts(
                row["code"]
                for row in evidence.of("contact_decision")
                if not row["allowed"] and row["channel"] == "sms"
            )
            or "none",
        )
    )
    if evidence.calls:
        rows += [
            ("calls at Vapi", _counts(row.get("endedReason", "none") for row in evidence.calls)),
            (
                "calls that came in",
                _counts(row.get("endedReason", "none") for row in evidence.came_in) or "none",
            ),
            (
                "cards in forms",
                _counts(
                    word or "closed" for card in evidence.cards for word in card["said"] or [""]
                )
                or "none",
            ),
            ("ports", _counts(row["port_in_request_status"] for row in evidence.ports) or "none"),
            ("consents", _counts(each["said"] or "not said" for each in evidence.consents)),
            ("consents ended", _counts(_ended(evidence)) or "none"),
            ("integrations", _counts(row["state"] for row in evidence.of("integration"))),
            ("calls", _counts(row["state"] for row in evidence.of("call"))),
            ("calls asked for by", _counts(row["reason"] for row in evidence.of("call"))),
            ("outcomes", _counts(row["outcome"] or "none" for row in evidence.of("call"))),
            ("tools in calls", _counts(_tool(row) for row in evidence.of("tool_call"))),
            ("cards typed", _counts(row["state"] for row in evidence.of("keypad_session"))),
            (
                "calls not allowed",
                _counts(
                    row["code"]
                    for row in evidence.of("contact_decision")
                    if not row["allowed"] and row["channel"] == "voice"
                )
                or "none",
            ),
        ]
    brought = sum(bool(stop["heard_at"]) for stop in evidence.stops)
    rows.append(("STOPs", f"{brought} brought, {len(evidence.stops) - brought} in Twilio's list"))
    rows.append(("jobs", _counts(row["state"] for row in evidence.of("staged_job"))))
    rows.append(
        (
            "dead jobs",
            _counts(row["name"] for row in evidence.of("staged_job") if row["state"] == "dead")
            or "none",
        )
    )
    rows.append(("invoices", _counts(row["status"] for row in evidence.of("invoice"))))
    rows.append(
        ("overpaid invoices", str(sum(row["overpaid"] > 0 for row in evidence.of("invoice"))))
    )
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def _word(one: Asked) -> str:
    return (
        str(one.status)
        if one.accepted or not one.status
        else f"{one.status} {one.answer.get('code', '')}".strip()
    )


def _ended(evidence: Evidence) -> list[str]:
    return [each["how"] for server in evidence.grants.values() for each in server["ended"]]


def _tool(row: Json) -> str:
    return f"{row['tool']} {'failed' if row['failed'] else 'done'}"


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {times}" for word, times in sorted(Counter(words).items()))

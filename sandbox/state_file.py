"""Saving the sandbox's state to a file, and loading it after a restart."""

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.deliveries import OPEN, Delivery
from sandbox.integrations import state as integrations_state
from sandbox.sandbox import Sandbox
from sandbox.stripe.idempotency import Kept
from sandbox.twilio import state as twilio_state
from sandbox.vapi import state as vapi_state

EVERY = 1.0


def keep(sandbox: Sandbox, path: str) -> None:
    """Load the file if it exists, then save to it every second while the state changes."""
    if Path(path).exists():
        load(sandbox, path)
    threading.Thread(
        target=_save_often, args=(sandbox, path, threading.Event()), daemon=True
    ).start()


def _save_often(sandbox: Sandbox, path: str, never: threading.Event) -> None:
    """Save when a request, an action or a delivery might have changed something."""
    last = -1
    while not never.wait(EVERY):
        version = sandbox.shared.ids.drawn + len(sandbox.shared.requests.entries)
        if version != last:
            save(sandbox, path)
            last = version


def save(sandbox: Sandbox, path: str) -> None:
    """Write all state to a new file, then replace the old one, so that a crash leaves one whole."""
    with sandbox.shared.lock:
        text = json.dumps(_state(sandbox))
    fresh = Path(f"{path}.new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def _state(sandbox: Sandbox) -> dict[str, Any]:
    """Return everything to save, as JSON values."""
    shared, stripe = sandbox.shared, sandbox.stripe
    return {
        "accounts": {
            name: [account.tables, account.private] for name, account in stripe.accounts.items()
        },
        "keys": [
            [account, key, asdict(kept)]
            for (account, key), kept in stripe.keys.kept.items()
            if kept.finished
        ],
        "deliveries": [asdict(delivery) for delivery in shared.outbox.all.values()],
        "agenda": shared.timers.entries,
        "answered": shared.timers.answered,
        "settings": asdict(shared.settings),
        "moved_by": shared.moved_by,
        "twilio": twilio_state.saved(sandbox.twilio),
        "vapi": vapi_state.saved(sandbox.vapi),
        "integrations": integrations_state.saved(sandbox.integrations),
    }


def load(sandbox: Sandbox, path: str) -> None:
    """Restore the state from a file; deliveries that were being sent are sent again."""
    state = json.loads(Path(path).read_text("utf-8"))
    shared, stripe = sandbox.shared, sandbox.stripe
    with shared.lock:
        for name, (tables, private) in state["accounts"].items():
            account = stripe.accounts.get(name) or stripe.open(name)
            account.tables, account.private = tables, private
        for account_id, key, kept in state["keys"]:
            stripe.keys.kept[account_id, key] = Kept(**kept)
        if "twilio" in state:
            twilio_state.restore(sandbox.twilio, state["twilio"])
        if "vapi" in state:
            vapi_state.restore(sandbox.vapi, state["vapi"])
        if "integrations" in state:
            integrations_state.restore(sandbox.integrations, state["integrations"])
        shared.settings.update(state["settings"])
        shared.moved_by = state["moved_by"]
        shared.timers.entries = [tuple(entry) for entry in state["agenda"]]
        for event_id, timer in state.get("answered", {}).items():
            shared.timers.start_after_answer(event_id, *timer)
        for row in state["deliveries"]:
            _restore(sandbox, Delivery(**row))


def _restore(sandbox: Sandbox, delivery: Delivery) -> None:
    """Restore a delivery, and queue it unless it is held or finished."""
    outbox = sandbox.shared.outbox
    outbox.all[delivery.id] = delivery
    outbox.by_event.setdefault(delivery.event_id, []).append(delivery)
    if delivery.state in OPEN and delivery.state != "held":
        delivery.state = "waiting"
        outbox.queue(delivery)

"""The stand-in's own record of money, against which tests check the product's books."""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json


def ledger(accounts: dict[str, Account]) -> Json:
    """Return all intents per account, and totals by ``metadata.invoice_id`` (in minor units)."""
    payments = {name: _payments(account) for name, account in accounts.items()}
    return {"accounts": payments, "invoices": _by_invoice(payments)}


def _payments(account: Account) -> list[Json]:
    """List an account's intents: received, refunded by status, and held by disputes."""
    refunds: dict[str, dict[str, int]] = {}
    for refund in account.each("refund"):
        by_status = refunds.setdefault(refund["payment_intent"], {})
        by_status[refund["status"]] = by_status.get(refund["status"], 0) + refund["amount"]
    held: dict[str, int] = {}
    for dispute in account.each("dispute"):
        held[dispute["payment_intent"]] = held.get(dispute["payment_intent"], 0) + _held(dispute)
    return [
        _payment(intent, refunds.get(intent["id"], {}), held.get(intent["id"], 0))
        for intent in account.each("payment_intent")
    ]


def _payment(intent: Json, refunds: dict[str, int], held: int) -> Json:
    """One intent's money."""
    return {
        "id": intent["id"],
        "status": intent["status"],
        "amount": intent["amount"],
        "amount_received": intent["amount_received"],
        "currency": intent["currency"],
        "metadata": intent["metadata"],
        "refunds": refunds,
        "disputed": held,
    }


def _held(dispute: Json) -> int:
    """Return what a dispute withholds, without fees: withdrawn less reinstated."""
    return -sum(int(movement["amount"]) for movement in dispute["balance_transactions"])


def _by_invoice(payments: dict[str, list[Json]]) -> dict[str, Json]:
    """Total the intents that name an invoice; those in a second currency are only listed."""
    totals: dict[str, Json] = {}
    for account_id, rows in payments.items():
        for row in rows:
            invoice = row["metadata"].get("invoice_id")
            if invoice:
                _add(totals.setdefault(invoice, _blank(account_id, row)), row)
    return totals


def _blank(account_id: str, row: Json) -> Json:
    """Return an invoice's totals before anything is counted."""
    counters = dict.fromkeys(("received", "refunded", "refunds_pending", "disputed"), 0)
    return {
        "currency": row["currency"],
        "account": account_id,
        **counters,
        "payments": 0,
        "other": [],
    }


def _add(total: dict[str, Any], row: Json) -> None:
    """Add one intent to its invoice's totals."""
    if row["currency"] != total["currency"]:
        total["other"].append(row["id"])
        return
    refunds = row["refunds"]
    total["received"] += row["amount_received"]
    total["refunded"] += refunds.get("succeeded", 0)
    total["refunds_pending"] += refunds.get("pending", 0) + refunds.get("requires_action", 0)
    total["disputed"] += row["disputed"]
    total["payments"] += row["amount_received"] > 0

"""Drafts: a new clinic's first contacts wait until staff approve or decline them (B17)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from actions.contact.ladder.ask_gate import ask_gate
from actions.contact.ladder.begin_contact import begin_contact
from actions.contact.ladder.debtor import load_debtor
from actions.contact.request_text import contact_refused
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.contact.contact_course import ContactCourse
from models.contact.contact_decision import ContactDecision
from models.contact.hold import customer_key
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.transactions import serialize_on, transaction
from rules.contact.facts import Refused
from rules.contact.gate import TRANSIENT
from runtime.clock import business_now, real_now

Outcome = Literal[
    "performed", "waiting", "refused", "expired", "superseded", "declined", "not_found"
]


@dataclass(frozen=True, slots=True)
class Approval:
    """The outcome of approving a draft. `waiting`: the contact is made when the gate allows it,
    from `next_at` on. `refused`: by balance or gate; `reason` says whether it stays a draft.
    """

    outcome: Outcome
    code: str = ""
    reason: str = ""
    next_at: datetime | None = None
    message_id: str | None = None
    call_id: str | None = None


NOT_FOUND = Approval("not_found", "not_found", "There is no such draft.")
PAID = "Nothing that it names is still owed."
OVER = {
    "expired": Approval(
        "expired", "expired", "It expired before it was approved and could be made."
    ),
    "superseded": Approval("superseded", "superseded", "A later contact took its place."),
    "declined": Approval("declined", "declined", "It was declined."),
    "invoice_paid": Approval("refused", "invoice_paid", PAID),
}


def draft_of(account: Account, named: str) -> PlannedContact | None:
    """The account's own draft, whatever its state now, by its id or its work item's."""
    item = WorkItem.one("id = ? AND account_id = ? AND kind = 'draft'", named, account.id)
    return PlannedContact.one(
        "id = ? AND account_id = ?", item.subject if item is not None else named, account.id
    )


def approve_draft(account: Account, named: str, by: str) -> Approval:
    """Make a drafted contact if balance and gate, asked now, allow it. Approving it again returns
    its outcome.
    """
    now = business_now()
    found = draft_of(account, named)
    if found is None:
        return NOT_FOUND
    with transaction():
        debtor = load_debtor(found.customer_id, now)
        serialize_on(customer_key(found.customer_id))  # first, as in bulk approval
        draft = PlannedContact.locked(found.id)
        if not draft.is_open:
            return _became(draft)
        if draft.expires_at is not None and draft.expires_at <= now:
            return _over(draft, "expired", OVER["expired"], by)
        invoices = debtor.named(PlannedContactInvoice.ids_of(draft.id))
        if not invoices:
            return _over(draft, "refused", OVER["invoice_paid"], by)
        answer = ask_gate(debtor, draft.rung, invoices)
        if answer.refused is not None:
            return _refused(draft, answer.refused, debtor.channel(draft.rung), by)
        _approve(draft, by)
        begin_contact(draft, answer.invoices, debtor)
    return Approval("performed", message_id=draft.message_id, call_id=draft.call_id)


def approve_item(item: WorkItem, by: str) -> None:
    """Approve the draft of a work item. Raises Refused if the contact is not made."""
    approval = approve_draft(Account.get_by_id(item.account_id), item.subject, by)
    if approval.outcome not in {"performed", "waiting"}:
        raise contact_refused(
            ContactDecision(code=approval.code, reason=approval.reason, next_at=approval.next_at)
        )


def decline_draft(planned_id: str, by: str) -> None:
    """Decline the contact; the ladder goes on with its next rung."""
    with transaction():
        draft = PlannedContact.locked(planned_id)
        if draft.is_open:
            draft.record_over("cancelled", "declined")
            ContactCourse.recheck_customer(draft.customer_id)
            AuditEntry.record(
                by,
                "contact_draft.declined",
                f"customer:{draft.customer_id}",
                draft.account_id,
                planned_contact_id=draft.id,
            )


def _approve(draft: PlannedContact, by: str) -> None:
    """Record the approval, once."""
    if draft.state == "draft":
        draft.record_approved(by)
        WorkItem.close("draft", draft.id, "approve", by)
        AuditEntry.record(
            by,
            "contact_draft.approved",
            f"customer:{draft.customer_id}",
            draft.account_id,
            planned_contact_id=draft.id,
        )
    ContactCourse.recheck_customer(draft.customer_id)


def _became(draft: PlannedContact) -> Approval:
    """The outcome of a draft that is no longer open."""
    if draft.state == "performed":
        return Approval("performed", message_id=draft.message_id, call_id=draft.call_id)
    return OVER.get(draft.code) or Approval("refused", draft.code, draft.reason)


def _over(draft: PlannedContact, state: str, approval: Approval, by: str) -> Approval:
    draft.record_over(state, approval.code, approval.reason)
    WorkItem.close("draft", draft.id, approval.code, by)
    ContactCourse.recheck_customer(draft.customer_id)
    return approval


def _refused(draft: PlannedContact, refused: Refused, channel: str, by: str) -> Approval:
    """Record the gate's refusal. If waiting helps before the draft expires, it is approved and made
    later; otherwise it stays a draft.
    """
    ContactDecision.record(
        refused,
        real_now(),
        account_id=draft.account_id,
        customer_id=draft.customer_id,
        invoice_id=PlannedContactInvoice.ids_of(draft.id)[0],
        channel=channel,
        asked_by=by,
    )
    next_at, expires_at = refused.next_at, draft.expires_at
    is_too_late = next_at is not None and expires_at is not None and next_at >= expires_at
    if is_too_late or (next_at is None and refused.code not in TRANSIENT):
        reason = f"{refused.reason} It stays a draft."
        return Approval("refused", refused.code, reason, next_at)
    _approve(draft, by)
    return Approval("waiting", refused.code, refused.reason, next_at)

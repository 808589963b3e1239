"""Add, find and remove a clinic's knowledge files. Free for the clinic, up to a daily ceiling."""

import hashlib

from effects.deployment.vapi.knowledge_file import FILE_UPLOAD
from effects.reserve import reserve_for_account
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage
from models.deployment.installation import tagged
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.daily_limit import Limited, ceiling_of, over_ceiling
from models.effects.effect import Effect
from models.transactions import serialize_on, transaction
from rules.cards.card_numbers import has_card_number
from rules.deployment.knowledge_files import (
    ACCEPTED,
    MOST,
    BadFile,
    content_type,
    plain_name,
    text_of,
)
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.ids import new_id


def add_file(account: Account, name: str, content: bytes, actor: str) -> KnowledgeFile:
    """Store a file and stage its upload. Needs an open transaction.

    Raises Refused: `invalid` for a file that cannot be used, `card_number_refused` for a text that
    contains a card number, `ceiling_reached`.
    """
    name, kind = _checked(name, content)
    serialize_on(f"knowledge-files:{account.id}")  # concurrent uploads must not both pass the limit
    need_below_ceiling(account, "files", "knowledge files are uploaded")
    if len(KnowledgeFile.stored_for(account.id)) >= MOST:
        raise invalid_file(
            f"is one more than the {MOST} that an account may have; delete one first"
        )
    now = real_now()
    file: KnowledgeFile = KnowledgeFile.create(
        id=new_id("kf"),
        account=account,
        name=name,
        content_type=kind,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        content=content,
        created_at=now,
        updated_at=now,
    )
    metadata = {"account_id": account.id, "attempt_id": tagged(file.id), "project": ""}
    request = {"file": file.id, "metadata": metadata}
    reserve_for_account(FILE_UPLOAD, file.id, request, account.id, actor, f"file {file.id}")
    stage("upload_knowledge_file", file.id, file.id, fair_to=account.id)
    _audit(file, actor, "file.added")
    return file


def find_file(account: Account, file_id: str) -> KnowledgeFile:
    """Return the account's own file, unless it was deleted. Raises Refused `not_found`."""
    file = KnowledgeFile.one("id = ? AND account_id = ?", file_id, account.id)
    if file is None or file.state in {"deleting", "deleted"}:
        raise Refused("not_found", f"There is no knowledge file {file_id[:40]}.")
    return file


def remove_file(account: Account, file_id: str, actor: str) -> None:
    """Remove a file in any state, even during its upload. Raises Refused `not_found`."""
    with transaction():
        file = KnowledgeFile.locked(find_file(account, file_id).id)
        if file.state in {"deleting", "deleted"}:
            return
        file.record(real_now(), state="deleting", content=None)
        stage("delete_knowledge_file", file.id, file.id, fair_to=account.id)
        _audit(file, actor, "file.removed")


def upload_of(file: KnowledgeFile) -> Effect:
    """Return the effect that uploads the file, which is created together with it."""
    effect = Effect.one("key = ?", f"{FILE_UPLOAD.name}:{file.id}")
    if effect is None:
        raise KnowledgeFile.DoesNotExist(f"File {file.id} has no upload.")  # type: ignore[attr-defined]
    return effect


def need_below_ceiling(account: Account, what: Limited, is_done: str) -> None:
    """Raises Refused `ceiling_reached` when the account has reached its daily ceiling."""
    now = business_now()
    if not over_ceiling(account.id, what, now):
        return
    tomorrow = account.next_midnight(now)
    raise Refused(
        "ceiling_reached",
        f"At most {ceiling_of(account.id, what)} {what} a day are accepted from this account; more"
        f" {is_done} from midnight in its time zone.",
        retry_after=max(1, int((tomorrow - now).total_seconds())),
    )


def _checked(name: str, content: bytes) -> tuple[str, str]:
    """Return the file's name and content type. Raises Refused."""
    try:
        name = plain_name(name)
        kind = content_type(name, content)
    except BadFile as error:
        raise invalid_file(str(error)) from None
    if has_card_number(text_of(name, content)):
        raise Refused(
            "card_number_refused",
            f"The file {name} has a card number in it. Remove it, and upload the file again.",
            [
                {
                    "field": "file",
                    "message": f"contains a card number; {ACCEPTED} without; remove it",
                }
            ],
        )
    return name, kind


def invalid_file(wrong: str) -> Refused:
    """Return the refusal of a file that cannot be used."""
    return Refused("invalid", f"The file {wrong}.", [{"field": "file", "message": wrong}])


def _audit(file: KnowledgeFile, actor: str, action: str) -> None:
    AuditEntry.record(actor, action, f"knowledge_file:{file.id}", file.account_id, size=file.size)

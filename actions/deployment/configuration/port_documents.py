"""Keep a carrier's bill for a port request until Deploy sends it to Twilio, or until it is too old
for any carrier to accept.
"""

import hashlib

from actions.deployment.configuration.knowledge_files import invalid_file
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.deployment.port_document import PortDocument
from models.transactions import serialize_on
from rules.deployment.knowledge_files import BadFile, plain_name
from rules.deployment.port_documents import ACCEPTED, MOST, BadDocument, document_type
from runtime.clock import real_now
from runtime.ids import new_id


def add_port_document(account: Account, name: str, content: bytes, actor: str) -> PortDocument:
    """Store a bill. Needs an open transaction. Raises Refused `invalid` for one that cannot be
    used.
    """
    try:
        name = plain_name(name, ACCEPTED)
        kind = document_type(name, content)
    except (BadFile, BadDocument) as error:
        raise invalid_file(str(error)) from None
    serialize_on(f"port-documents:{account.id}")  # concurrent uploads must not both pass the limit
    if len(PortDocument.stored_for(account.id)) >= MOST:
        raise invalid_file(f"is one more than the {MOST} that wait for a port; deploy, or use one")
    now = real_now()
    document: PortDocument = PortDocument.create(
        id=new_id("pdoc"),
        account=account,
        name=name,
        content_type=kind,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        content=content,
        created_at=now,
        updated_at=now,
    )
    subject = f"port_document:{document.id}"
    AuditEntry.record(actor, "port_document.added", subject, account.id, size=document.size)
    return document

"""Release a bought or ported number on request: at Twilio, and its slot."""

from actions.deployment.numbers.number import release
from models.accounts.audit_entry import AuditEntry
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine
from models.transactions import serialize_on, transaction
from runtime.clock import real_now
from runtime.errors import NotAllowed

NONE = "Account {account} has no bought or ported number. See GET /api/accounts/{account}."
BUSY = "Deployment {deployment} is under way. Wait until it is over, or roll it back."
LIVE = "{number} is live. Take the receptionist down first."


def release_account_number(account_id: str, why: str, actor: str) -> PhoneLine:
    """Stage the release of the account's number, for good. Raises NotAllowed while it is in use, or
    if there is none.
    """
    with transaction():
        serialize_on(f"deployment:{account_id}", f"line:{account_id}")
        line = PhoneLine.of(account_id)
        if line is None or line.source == "sip" or line.state not in {"owned", "releasing"}:
            raise NotAllowed(NONE.format(account=account_id))
        busy = Deployment.under_way(account_id)
        if busy is not None:
            raise NotAllowed(BUSY.format(deployment=busy.id))
        if line.voice_live:
            raise NotAllowed(LIVE.format(number=line.e164))
        line.record(real_now(), step_id="", error_code="", error="")
        AuditEntry.record(actor, "number.let_go", f"phone_line:{line.id}", account_id, why=why)
        release(line, actor)
    return line

"""Renew a credential before it expires, one process at a time; and revoke it.

A refresh token can be valid only once: two processes using it concurrently would end the clinic's
consent. So a process claims the row before it renews. If no answer came, the provider might still
act on the request, so the claim is kept until it expires.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError

from actions.integrations.connector import Connector, Credential
from actions.integrations.connectors import TITLES, find_connector
from actions.integrations.credentials import (
    LEAD,
    LOOK_EVERY,
    erase_credential,
    opened,
    record_expired,
    record_renewed,
)
from models.delivery.stage import stage_again
from models.integrations.integration import Integration
from models.transactions import release_connection, transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import NotYet
from runtime.log import get_log

CLAIM = timedelta(seconds=60)  # longer than a job's time limit, so longer than its request
WRITES, PAUSE = 3, 0.5  # attempts to store the new token, and seconds between them
NEVER_SENT = "no_connection"  # the code of a request that never reached the provider
# the clinic must connect again: no retry of ours helps
OVER = frozenset({"invalid_grant", "unauthorized"})
REVOKED_WITHIN = timedelta(days=1)  # how long to retry a revocation
NO_ANSWER = "no answer for a day"
BY_HAND = "{title} did not revoke it ({code}). Remove Payphone's access there by hand."
MAY_BE_LEFT = (
    "A renewal at {title} had no answer, so a newer access may be left that we do not know. Remove"
    " Payphone's access there by hand."
)
UNKNOWN = "This provider is no longer known here. Remove Payphone's access there by hand."

log = get_log("integrations")
Write = Callable[[], None]


def renew_credential(integration_id: str, *, early: bool = False) -> None:
    """Renew the credential at its provider, or check that it is still valid. Does nothing unless it
    is due, or `early`. Call it outside a transaction: the new token is stored at once, whatever
    becomes of the calling job, because the old one might already be spent. The write is retried if
    the database is briefly down.

    Raises NotYet while another process renews it; ProviderError when the provider cannot be asked.
    """
    write = request_renewal(integration_id, early=early)
    for left in reversed(range(WRITES)):
        try:
            with transaction():
                write()
        except (OperationalError, InterfaceError) as error:
            if not left:
                raise
            log.warning("renewal not stored yet", integration=integration_id, why=str(error)[:200])
            release_connection()
            time.sleep(PAUSE)
        else:
            return


def request_renewal(integration_id: str, *, early: bool = False) -> Write:
    """Do the provider's part of `renew_credential`, and return the write that is left to do."""
    row, now = Integration.get_by_id(integration_id), real_now()
    connector = find_connector(row.provider)
    if row.state != "connected" or connector is None or not (early or is_due(row, now)):
        return _write_nothing
    with transaction():
        claimed = row.claim(now, now + CLAIM)
        seen, row = row, Integration.get_by_id(row.id)
    if not claimed:
        raise NotYet(f"integration {row.id} is being renewed")
    if row.sealed != seen.sealed:  # another process has renewed it since we read the row
        _release_claim(row)
        return _write_nothing
    try:
        credential = _renewed(row, connector)
    except ProviderError as error:
        code = error.code
        if error.outcome == "refused" and code in OVER:
            log.warning("integration expired", integration=row.id, provider=row.provider, code=code)
            return lambda: record_expired(row, connector, code)
        if error.answered or code == NEVER_SENT:
            _release_claim(row)
        raise
    return lambda: record_renewed(row, credential)


def is_due(row: Integration, now: datetime) -> bool:
    """Whether it expires soon, or has not been checked for a day."""
    if row.expires_at is not None:
        return bool(row.expires_at - LEAD <= now)
    return bool(row.verified_at + LOOK_EVERY <= now)


def _renewed(row: Integration, connector: Connector) -> Credential:
    """Return a fresh credential, or the same one if it only needed a check and is still valid."""
    values = opened(row)
    if connector.renew is not None and row.expires_at is not None:
        return connector.renew(values)
    try:
        connector.check(values)
    except ProviderError as error:
        if connector.renew is None or error.outcome != "refused" or error.code not in OVER:
            raise
        return connector.renew(values)  # it had expired without an announced time
    return Credential(values, row.expires_at)


def _release_claim(row: Integration) -> None:
    with transaction():
        current = Integration.locked(row.id)
        if current.version == row.version:
            current.record(real_now(), renewing_until=None)


def revoke_credential(integration_id: str) -> Write:
    """Revoke the credential at its provider, and return the write that is left to do. Raises NotYet
    while it is being renewed; ProviderError when the provider cannot be asked.
    """
    row, now = Integration.get_by_id(integration_id), real_now()
    if not row.to_be_revoked:
        return _write_nothing
    if row.renewing_until is not None and row.renewing_until > now:
        raise NotYet(f"integration {row.id} is being renewed")
    connector = find_connector(row.provider)
    if connector is None:
        return lambda: erase_credential(row, UNKNOWN)
    # a claim that expired: the provider may have replaced the refresh token, and we revoke the old
    is_unsure = connector.revoke is not None and row.renewing_until is not None
    note = MAY_BE_LEFT.format(title=connector.title) if is_unsure else ""
    try:
        if connector.revoke is not None:
            connector.revoke(opened(row))
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        note = BY_HAND.format(title=connector.title, code=error.code)
    return lambda: erase_credential(row, note)


def restage_revocations(now: datetime, batch: int) -> None:
    """Stage again the revocations whose job used up its attempts. After a day give up, and tell the
    clinic to revoke it by hand, because until then it cannot connect again. Needs a transaction.
    """
    for row in Integration.unrevoked(batch):
        if row.updated_at + REVOKED_WITHIN > now:
            stage_again("revoke_integration", row.id, row.id, fair_to=row.account_id)
            continue
        title = TITLES.get(row.provider, row.provider)  # the OAUTH_PROVIDERS file may be invalid
        log.warning("revocation given up", integration=row.id, provider=row.provider)
        erase_credential(row, BY_HAND.format(title=title, code=NO_ANSWER))


def _write_nothing() -> None:
    """Write nothing."""

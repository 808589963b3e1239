"""Look up effects in doubt in the provider's own record once their job has given up, each in a job
of its own.

Twice is harmless: a lookup changes nothing at the provider, and only what is found has
consequences, by replaying the effect's job.
"""

import zlib
from datetime import datetime, timedelta
from itertools import islice

from delivery.attempt import Snooze
from delivery.registry import job
from effects.kinds import kind_of
from effects.settle import end_unsent, reconcile_or_log
from models.accounts.audit_entry import SYSTEM
from models.contact.work_item import WorkItem
from models.delivery.job_replay import replay
from models.delivery.stage import stage
from models.delivery.staged_job import SECOND, StagedJob, was_staged
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=10)
# effects younger than this are looked up every hour, older ones once a day, spread over the hours
YOUNG = timedelta(days=2)
# doubts about calls are excluded: they close when the call ends, or by hand
_SETTLED = (
    "kind = 'doubt' AND state = 'open' AND substr(subject, 1, 5) <> 'call_'"
    " AND NOT EXISTS (SELECT 1 FROM effect AS e"
    " WHERE e.id = subject AND e.state IN ('sending', 'unknown')) LIMIT ?"
)
# Dead jobs that looked for a text or call in vain, and whose doubt a report has ended since, or as
# they died. One that dies again later, of something else, is left to a person.
_NO_LONGER_IN_DOUBT = (
    "state = 'dead' AND name IN ('reconcile_text', 'reconcile_call') AND EXISTS (SELECT 1"
    " FROM effect AS e WHERE e.key = substr(staged_job.name, 11) || ':' || staged_job.key"
    f" AND e.state IN ('confirmed', 'refused') AND e.settled_at > finished_at - {3600 * SECOND})"
    " LIMIT ?"
)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def reconcile_effects() -> None:
    """Stage a lookup of each effect in doubt, youngest first, so that old doubts do not delay new
    ones, five hundred at a time. The hour is part of the key.

    Also replay jobs that died of a doubt which has ended, so that no dead job shows it any more.
    """
    now = real_now()
    hour = f"{now:%Y%m%d%H}"
    silent = Effect.last_sent_at.is_null() | (Effect.last_sent_at < now - QUIET)
    quiet = Effect.select().where(
        Effect.state.in_(("sending", "unknown")), Effect.created_at < now - QUIET, silent
    )
    unlooked = quiet.where(~was_staged("reconcile_effect", Effect.id.concat(f":{hour}")))
    with transaction():
        for item in WorkItem.all(_SETTLED, BATCH):
            item.record_resolved("settled", SYSTEM)
        for dead in StagedJob.all(_NO_LONGER_IN_DOUBT, BATCH):
            replay(dead.id, SYSTEM)
        doubts = (
            effect
            for effect in unlooked.order_by(Effect.created_at.desc()).iterator()
            if _is_its_hour(effect, now)
        )
        some = list(islice(doubts, BATCH))
        for effect in some:
            if effect.in_doubt and effect.account_id is not None:
                _open_doubt(effect, effect.account_id)
            stage(
                "reconcile_effect",
                f"{effect.id}:{hour}",
                effect.id,
                fair_to=effect.account_id or "",
            )
    if len(some) == BATCH:
        raise Snooze("there are more doubts", 0.0)


def _open_doubt(effect: Effect, account_id: str) -> None:
    """Open a work item for the clinic, which closes when the doubt is settled."""
    WorkItem.open(
        account_id,
        "doubt",
        effect.id,
        f"Nobody knows whether this happened at {effect.provider.capitalize()}:"
        f" {kind_of(effect).does} ({effect.reason}). It is not repeated until somebody has looked"
        " at the provider.",
        invoice_id=effect.invoice_id,
        suggested="done",
        context={"effectId": effect.id, "kind": effect.kind, "provider": effect.provider},
    )


def _is_its_hour(effect: Effect, now: datetime) -> bool:
    return now - effect.created_at < YOUNG or zlib.crc32(effect.id.encode()) % 24 == now.hour


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def reconcile_effect(effect_id: str) -> None:
    """Look up effect `effect_id`, in a job of its own so that one account's trouble delays no
    other.
    """
    effect = Effect.get_by_id(effect_id)
    if effect.in_doubt or effect.generation > 1:
        reconcile_or_log(effect, SYSTEM)
    end_unsent(effect, SYSTEM)

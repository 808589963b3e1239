"""`effects`: list what was done at providers, and settle effects in doubt."""

import click

from bin.commands.output import acting, complain, moment, say, show_list
from effects.kinds import KINDS
from effects.settle import job_of, reconcile_owner, settle_confirmed, settle_refused
from models.effects.effect import Effect
from providers.errors import ProviderError
from runtime.errors import PayphoneError

STATES = ("sending", "confirmed", "refused", "unknown")
COLUMNS = ("id", "kind", "state", "generation", "at the provider", "its job", "last sent", "error")
SHORT = 70  # characters of an error that fit on a line


@click.group()
def effects() -> None:
    """Effects: everything done at providers (charges, refunds, links, texts)."""


@effects.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only effects in this state.")
@click.option("--in-doubt", is_flag=True, help="Only effects whose outcome is unknown.")
@click.option("--kind", help="Only effects of this kind, such as refund.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_effects(state: str | None, in_doubt: bool, kind: str | None, limit: int) -> None:
    """Show effects, newest first."""
    query = Effect.select().where(Effect.doubtful()) if in_doubt else Effect.select()
    if state:
        query = query.where(Effect.state == state)
    if kind:
        query = query.where(Effect.kind == kind)
    show_list(COLUMNS, query.order_by(Effect.created_at.desc()), _row, limit, "No such effects.")


def _row(effect: Effect) -> tuple[object, ...]:
    job = job_of(effect)
    about = (job.state if job else None, moment(effect.last_sent_at), (effect.error or "")[:SHORT])
    return (effect.id, effect.kind, effect.state, effect.generation, effect.provider_id, *about)


@effects.command()
@click.argument("effect_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All effects in doubt.")
def reconcile(effect_id: str | None, everything: bool) -> None:
    """Look EFFECT_ID up at its provider; if found, its dead job is replayed to record it.

    This only reads; nothing is sent again. Exit code 1 while any stays in doubt.
    """
    if bool(effect_id) == everything:
        raise click.UsageError("Give an EFFECT_ID or --all.")
    chosen = (
        list(Effect.select().where(Effect.doubtful())) if everything else [_find(effect_id or "")]
    )
    if not chosen:
        say("No effect is in doubt.")
    left = [effect for effect in chosen if not _reconciled(effect)]
    if left:
        raise SystemExit(1)


def _reconciled(effect: Effect) -> bool:
    """Look one effect up and print the result; False while it stays in doubt."""
    if not effect.in_doubt:
        say(f"{effect.id}: {effect.state}, not in doubt.")
        return True
    try:
        found = reconcile_owner(effect, acting())
    except ProviderError as error:
        complain(f"{effect.id}: the provider's record cannot be read. {error}")
        return False
    except PayphoneError as error:  # a missing setting, or an outcome that contradicts another
        complain(f"{effect.id}: {error}")
        return False
    settled = Effect.get_by_id(effect.id)
    if settled.state == "refused":
        say(f"{effect.id}: refused. {settled.error}")
        return True
    if found is None:
        complain(
            f"{effect.id}: nothing found at {effect.provider}. It will be checked again"
            " automatically; if you know the outcome, use effects settle."
        )
        return False
    job = job_of(effect)
    say(
        f"{effect.id}: found as {found['id']}; its job {job.id} is {job.state}."
        if job
        else f"{effect.id}: found as {found['id']}; it has no job."
    )
    return True


@effects.command()
@click.argument("effect_id")
@click.option(
    "--confirmed", metavar="PROVIDER_ID", help="It happened and is this object at the provider."
)
@click.option("--refused", is_flag=True, help="It did not happen and will not.")
@click.option("--why", help="How you know; kept in the audit log.")
def settle(effect_id: str, confirmed: str | None, refused: bool, why: str | None) -> None:
    """Record the outcome of EFFECT_ID once its job is dead and you have checked at the provider."""
    if bool(confirmed) == refused:
        raise click.UsageError("Give either --confirmed PROVIDER_ID or --refused.")
    if refused and not (why or "").strip():
        raise click.UsageError("--refused needs --why: how do you know it did not happen?")
    effect = _find(effect_id)
    reason = (why or "")[:500]
    settled = (
        settle_confirmed(effect.id, confirmed, acting(), reason)
        if confirmed
        else settle_refused(effect.id, reason, acting())
    )
    say(
        f"{settled.id}: {settled.state}. If its job was dead, it runs again and records the result."
    )


@effects.command()
def kinds() -> None:
    """Show each kind of effect: what it does, whom it costs money, and what undoes it."""
    for kind in KINDS:
        undone = f"undone by {kind.undone_by}" if kind.undone_by else "cannot be undone"
        say(f"{kind.name}: {kind.does}. Costs {kind.costs.value}; {undone}.")


def _find(effect_id: str) -> Effect:
    effect: Effect | None = Effect.get_or_none(Effect.id == effect_id)
    if effect is None:
        raise click.BadParameter(f"there is no effect {effect_id[:40]!r}.", param_hint="EFFECT_ID")
    return effect

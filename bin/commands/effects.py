"""`effects`: what was done outside, and ending the doubt about what may have been."""

from collections.abc import Iterable

import click
from peewee import ModelSelect

from bin.commands.screen import acting, complain, moment, say, show_table
from effects.settle import owner_of, reconcile_owner, settle_confirmed, settle_refused
from models.effect import Effect
from providers.errors import ProviderError
from rules.card_numbers import redact

STATES = ("sending", "confirmed", "refused", "unknown")
COLUMNS = ("id", "kind", "state", "generation", "at the provider", "its job", "last sent", "error")
SHORT = 70  # characters of an error that a line has room for


@click.group()
def effects() -> None:
    """Effects: everything done outside, as the ledger has it."""


@effects.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only effects in this state.")
@click.option("--in-doubt", is_flag=True, help="Only those that may have happened and nobody knows yet.")
@click.option("--kind", help="Only effects of this kind, such as refund.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_effects(state: str | None, in_doubt: bool, kind: str | None, limit: int) -> None:
    """Show effects, newest first."""
    query = _in_doubt() if in_doubt else Effect.select()
    if state:
        query = query.where(Effect.state == state)
    if kind:
        query = query.where(Effect.kind == kind)
    show_table(COLUMNS, (_row(effect) for effect in query.order_by(Effect.created_at.desc()).limit(limit)), "No such effects.")


def _row(effect: Effect) -> tuple[object, ...]:
    job = owner_of(effect)
    about = (job.state if job else None, moment(effect.last_sent_at), (effect.error or "")[:SHORT])
    return (effect.id, effect.kind, effect.state, effect.generation, effect.provider_id, *about)


@effects.command()
@click.argument("effect_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every effect in doubt.")
def reconcile(effect_id: str | None, everything: bool) -> None:
    """Look EFFECT_ID up at its provider; one that is found is recorded by replaying its dead job.

    Nothing is sent anew by looking. Ends with 1 while a doubt remains.
    """
    if bool(effect_id) == everything:
        raise click.UsageError("Name an effect, or give --all.")
    chosen: Iterable[Effect] = list(_in_doubt()) if everything else [_find(effect_id or "")]
    left = [effect for effect in chosen if not _reconciled(effect)]
    if left:
        raise SystemExit(1)


def _reconciled(effect: Effect) -> bool:
    """Look one effect up and say what came of it; False while the doubt remains."""
    if not effect.in_doubt:
        say(f"{effect.id}: {effect.state}, there is no doubt about it.")
        return True
    try:
        found = reconcile_owner(effect, acting())
    except ProviderError as error:
        complain(f"{effect.id}: the provider's record cannot be read. {error}")
        return False
    settled = Effect.get_by_id(effect.id)
    if settled.state == "refused":
        say(f"{effect.id}: refused. {settled.error}")
        return True
    if found is None:
        complain(f"{effect.id}: nothing found at {effect.provider}. It is looked up again by itself; if you know better, say so with effects settle.")
        return False
    job = owner_of(effect)
    say(f"{effect.id}: found as {found['id']}; its job {job.id} is {job.state}." if job else f"{effect.id}: found as {found['id']}; it has no job.")
    return True


@effects.command()
@click.argument("effect_id")
@click.option("--confirmed", metavar="PROVIDER_ID", help="It happened, and is this object at the provider.")
@click.option("--refused", is_flag=True, help="It did not happen, and will not.")
@click.option("--why", help="How you know; kept in the audit.")
def settle(effect_id: str, confirmed: str | None, refused: bool, why: str | None) -> None:
    """Say what became of EFFECT_ID, once its job is dead and you have looked at the provider yourself."""
    if bool(confirmed) == refused:
        raise click.UsageError("Say either --confirmed PROVIDER_ID or --refused.")
    if refused and not (why or "").strip():
        raise click.UsageError("--refused needs --why: how do you know that it did not happen?")
    effect = _find(effect_id)
    said = redact(why or "")[:500]
    settled = settle_confirmed(effect.id, confirmed, acting(), said) if confirmed else settle_refused(effect.id, said, acting())
    say(f"{settled.id}: {settled.state}. Its job, if it was dead, runs again and records what that means.")


def _find(effect_id: str) -> Effect:
    effect: Effect | None = Effect.get_or_none(Effect.id == effect_id)
    if effect is None:
        raise click.BadParameter(f"there is no effect {effect_id[:40]!r}.", param_hint="EFFECT_ID")
    return effect


def _in_doubt() -> "ModelSelect[Effect]":
    return Effect.select().where((Effect.state == "unknown") | ((Effect.state == "sending") & Effect.sent_at.is_null(False)))

"""Find objects at a provider that carry this installation's tag but belong to no row (orphans), and
objects in our rows that are gone there (missing). They are reported; only an operator releases one.

Our rows are read before and after the provider's list, so that an object made or removed in between
is neither. An object whose effect is still under way is no orphan yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.deployment.strays.places import PLACES, Owners, Place
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.installation import installation_tag
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Stray
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from providers.twilio.refusals import NOT_FOUND
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.log import get_log

# a younger object might not be recorded yet
YOUNG = timedelta(hours=1)
GONE = frozenset({"not_found", NOT_FOUND})
Json = dict[str, Any]

log = get_log("deployment")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One stray as it was seen now; `what` is orphan or missing."""

    what: str
    provider_id: str
    tag: str = ""
    account_id: str | None = None


def check_place(place_name: str) -> None:
    """Compare one place with our rows. Raises ProviderError if it cannot be read completely."""
    place = PLACES[place_name]
    before, listed = place.ours(), place.listed()
    now = real_now()
    missing = set(_missing(place, before, listed))
    with transaction():
        ours = place.ours()
        sightings = [
            *_orphans(place, ours, listed, now),
            *(
                Sighting("missing", each, account_id=ours[each])
                for each in sorted(missing & set(ours))
            ),
        ]
        _note(place, sightings, now)


def belongs_to_us(place: Place, provider_id: str) -> bool:
    """Whether it belongs to one of our rows by now."""
    return provider_id in place.ours()


def is_orphan(place: Place, seen: Json) -> bool:
    """Whether an object that was just read at its place still belongs to no row of ours."""
    return any(_orphans(place, place.ours(), [seen], real_now()))


def _missing(place: Place, ours: Owners, listed: list[Json]) -> Iterator[str]:
    """Yield the ids that are not in the list and that the provider does not know individually
    either.
    """
    listed_ids = {str(row.get("id")) for row in listed}
    for provider_id in sorted(set(ours) - listed_ids):
        try:
            place.read(provider_id)
        except ProviderError as error:
            if error.code not in GONE:
                raise
            yield provider_id


def _orphans(place: Place, ours: Owners, listed: list[Json], now: datetime) -> Iterator[Sighting]:
    prefix = f"{installation_tag()}-"
    under_way = _tags_under_way(place.provider, prefix)
    for row in listed:
        tag, provider_id = place.tag(row), str(row.get("id"))
        is_ours = tag.startswith(prefix) and provider_id not in ours and tag not in under_way
        if is_ours and now - _made_at(row, now - YOUNG) >= YOUNG:
            yield Sighting("orphan", provider_id, tag, _account_of(tag.removeprefix(prefix)))


def _tags_under_way(provider: str, prefix: str) -> set[str]:
    """Return the tags of objects that are being made, or might have been."""
    rows = Effect.all("provider = ? AND state IN ('sending', 'unknown')", provider)
    return {word for row in rows for word in _words(row.request) if word.startswith(prefix)}


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value


def _made_at(row: Json, unknown: datetime) -> datetime:
    """Return when the provider made an object, or `unknown` if it does not say."""
    created = row.get("createdAt") or row.get("created_at")
    try:
        return datetime.fromisoformat(str(created))
    except ValueError:
        return unknown


def _account_of(row_id: str) -> str | None:
    """Return the account of the row in a tag. A short tag has only the end of the row's id."""
    ends = f"%{row_id}"
    step = DeploymentStep.one("id LIKE ?", ends)
    if step is not None:
        return Deployment.get_by_id(step.deployment_id).account_id
    row = KnowledgeFile.one("id LIKE ?", ends) or PhoneLine.one("id LIKE ?", ends)
    return None if row is None else row.account_id


def _note(place: Place, sightings: list[Sighting], now: datetime) -> None:
    """Record what was seen, and close what is no longer so."""
    where = "provider = ? AND kind = ?"
    known = {
        (row.what, row.provider_id): row for row in Stray.all(where, place.provider, place.kind)
    }
    for seen in sightings:
        row = known.pop((seen.what, seen.provider_id), None)
        if row is None:
            _report(place, seen, now)
        else:
            row.record_seen(seen_at=now, state="open", closed_by="")
    for row in known.values():
        if row.state == "open":
            row.record_seen(state="gone", closed_by=SYSTEM)


def _report(place: Place, seen: Sighting, now: datetime) -> None:
    row: Stray = Stray.create(
        id=new_id("stray"),
        provider=place.provider,
        kind=place.kind,
        provider_id=seen.provider_id,
        tag=seen.tag,
        what=seen.what,
        account_id=seen.account_id,
        found_at=now,
        seen_at=now,
    )
    log.warning("stray found", what=seen.what, kind=place.name, provider_id=seen.provider_id)
    AuditEntry.record(
        SYSTEM,
        "stray.found",
        f"stray:{row.id}",
        seen.account_id,
        what=seen.what,
        kind=place.name,
        provider_id=seen.provider_id,
    )

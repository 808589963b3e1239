"""Effects as a source of a timeline: when each was decided, and its outcome."""

from collections.abc import Iterable, Iterator

from effects.kinds import kind_of
from models.effects.effect import Effect
from models.reports.timeline import Belongings, Entry

_OPEN = {
    "sending": "It is being sent.",
    "unknown": "It is not known yet whether it happened: the provider's record will be checked,"
    " and it will not be repeated automatically.",
}


def effects(having: Belongings) -> Iterator[Entry]:
    """Timeline entries of effects: when each was decided, and its outcome."""
    return entries_of(having.effects)


def entries_of(rows: Iterable[Effect]) -> Iterator[Entry]:
    """Timeline entries of these effects: when each was decided, and its outcome."""
    for row in rows:
        kind = kind_of(row)
        asked = f"{kind.does}: {row.reason}. {_OPEN.get(row.state, '')}".rstrip()
        yield Entry(
            f"effect:{row.id}", row.created_at, "effect", row.kind, asked, row.state, row.asked_by
        )
        if row.settled_at is not None:
            outcome = "Done."
            if row.state != "confirmed":
                why = kind.why_refused(row.error_code or "", row.error or "")
                outcome = f"It did not happen. {why}"
            yield Entry(
                f"effect:{row.id}:settled",
                row.settled_at,
                "effect",
                f"{row.kind}.{row.state}",
                f"{kind.does}: {outcome}",
                row.state,
            )

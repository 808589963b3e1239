"""The names a job has and had: rows of an older release are found under the old one.

While a release is rolled out, processes of the old one, which know one name only, share the
database with those of the new one for minutes.
"""

from models.transactions import execute

# of jobs that were renamed: by each of its names all of them, the present one first
_names: dict[str, tuple[str, ...]] = {}


def know_names(names: tuple[str, ...]) -> None:
    """Let `names`, the present one first, be one job's."""
    if len(names) > 1:
        _names.update(dict.fromkeys(names, names))


def names_of(name: str) -> tuple[str, ...]:
    """Every name of a job, the present one first; `name` alone if it was never renamed."""
    return _names.get(name, (name,))


def staged_name(name: str, key: str) -> str:
    """Under which of its names a job is staged with this key; the present one if it is not."""
    names = names_of(name)
    if len(names) == 1:
        return name
    marks = ", ".join("?" for _ in names)
    # A name that is only kept counts as cancelled: it comes last.
    row = execute(
        f"SELECT name FROM staged_job WHERE key = ? AND name IN ({marks})"
        " ORDER BY CASE state WHEN 'cancelled' THEN 1 ELSE 0 END,"
        " CASE name WHEN ? THEN 0 ELSE 1 END LIMIT 1",
        (key, *names, names[0]),
    ).fetchone()
    return names[0] if row is None else str(row[0])

"""The present and former names of jobs, so that rows staged under an old name are found.

While a release is rolled out, processes of the old one, which know only one name, share the
database with the new ones for minutes.
"""

from models.transactions import execute

# for jobs that were renamed: each name, mapped to all names, the present one first
_names: dict[str, tuple[str, ...]] = {}


def register_names(names: tuple[str, ...]) -> None:
    """Register `names`, the present one first, as names of one job."""
    if len(names) > 1:
        _names.update(dict.fromkeys(names, names))


def names_of(name: str) -> tuple[str, ...]:
    """All names of a job, the present one first; only `name` if it was never renamed."""
    return _names.get(name, (name,))


def staged_name(name: str, key: str) -> str:
    """The name under which a job is staged with this key; its present name if it is not staged."""
    names = names_of(name)
    if len(names) == 1:
        return name
    marks = ", ".join("?" for _ in names)
    # A row that only reserves a name is cancelled: it sorts last.
    row = execute(
        f"SELECT name FROM staged_job WHERE key = ? AND name IN ({marks})"
        " ORDER BY CASE state WHEN 'cancelled' THEN 1 ELSE 0 END,"
        " CASE name WHEN ? THEN 0 ELSE 1 END LIMIT 1",
        (key, *names, names[0]),
    ).fetchone()
    return names[0] if row is None else str(row[0])

"""`--why` and `--reason` where they are required: the audit log needs it."""

import click


def reason_given(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Return the reason, at most 500 characters of it. Raises BadParameter if it is empty."""
    if not value.strip():
        raise click.BadParameter("it is empty; the audit log needs a reason.")
    return value.strip()[:500]

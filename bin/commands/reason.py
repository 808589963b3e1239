"""`--why` and `--reason` where they are required: an empty one says nothing to who audits it."""

import click


def reason_given(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Return the reason, at most 500 characters of it. Raises BadParameter if it is empty."""
    if not value.strip():
        raise click.BadParameter("it is empty; the audit log needs to say how you know.")
    return value.strip()[:500]

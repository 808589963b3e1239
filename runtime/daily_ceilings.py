"""Default daily ceilings of an account, for everything that costs money.

The setting `DAILY_CEILINGS` and an account's own ceilings override them.
`models/effects/daily_limit.py` counts texts, charges, calls, knowledge files, trial chats and
number lookups.
"""

DAILY_CEILINGS = {
    "texts": 500,
    "charges": 500,
    "calls": 300,
    "files": 50,
    "chats": 200,
    "lookups": 500,
}


def read_ceilings(text: str) -> dict[str, int]:
    """Parse a setting such as `texts=500,calls=20`. Raises ValueError."""
    ceilings = {}
    for part in filter(None, map(str.strip, text.split(","))):
        what, _, most = part.partition("=")
        if what not in DAILY_CEILINGS or not most.isdecimal():
            raise ValueError(f"{part!r} is not a ceiling")
        ceilings[what] = int(most)
    return ceilings

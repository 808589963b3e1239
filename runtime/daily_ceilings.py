"""How much of what costs money an account may have on one of its days, unless the setting
`DAILY_CEILINGS` or a ceiling of its own says otherwise: texts, charges, calls, knowledge files,
trial chats and look-ups of numbers. `models/effects/daily_limit.py` counts them.
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
    """The ceilings that a setting names, such as `texts=500,calls=20`. Raises ValueError."""
    ceilings = {}
    for part in filter(None, map(str.strip, text.split(","))):
        what, _, most = part.partition("=")
        if what not in DAILY_CEILINGS or not most.isdecimal():
            raise ValueError(f"{part!r} is no ceiling")
        ceilings[what] = int(most)
    return ceilings

"""Provider-looking identifiers from one seedable source."""

import random
import string

ALPHABET = string.ascii_letters + string.digits


class Ids:
    """Draws identifiers and secrets; the same seed draws the same ones."""

    def __init__(self, seed: int | None = None) -> None:
        """Seed the source, or leave it to the system's entropy."""
        # repeatable on purpose; its secrets guard nothing
        self._random = random.Random(seed)  # noqa: S311
        self.drawn = 0

    def token(self, length: int) -> str:
        """Draw a random base-62 string."""
        self.drawn += 1
        return "".join(self._random.choices(ALPHABET, k=length))

    def new(self, prefix: str, length: int = 24) -> str:
        """Draw an identifier such as ``pi_3Qx…``."""
        return f"{prefix}_{self.token(length)}"

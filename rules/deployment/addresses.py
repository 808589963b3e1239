"""What tells one address from another; pure."""

import hashlib
import json
from typing import Any


def digest_of(address: dict[str, Any]) -> str:
    """The same for the same address, as it is configured."""
    return hashlib.sha256(json.dumps(address, sort_keys=True).encode()).hexdigest()

"""The drift between what we sent and what a provider has now; pure.

Values that a provider adds are not drift, and it may omit empty ones.
"""

from typing import Any


def drift(sent: Any, found: Any, path: str = "") -> list[str]:
    """The paths, such as `model.messages`, at which `found` differs from `sent`."""
    if isinstance(sent, dict):
        if not isinstance(found, dict):
            return [path] if sent or found else []
        return [
            each
            for name, value in sent.items()
            for each in drift(value, found.get(name), f"{path}.{name}" if path else name)
        ]
    if isinstance(sent, list) and sent:
        if not isinstance(found, list) or len(found) != len(sent):
            return [path]
        differ = any(drift(ours, theirs, path) for ours, theirs in zip(sent, found, strict=True))
        return [path] if differ else []
    if sent in (None, "", []):
        return [] if found in (None, "", []) else [path]
    return [] if sent == found else [path]

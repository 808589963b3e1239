"""What differs between what we sent and what a provider has now; pure.

A provider adds values of its own, which are no difference, and may leave out what is empty.
"""

from typing import Any


def drift(sent: Any, found: Any, path: str = "") -> list[str]:
    """The paths, such as `model.messages`, at which `found` is not what was sent."""
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

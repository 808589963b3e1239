"""Idempotency keys: the first answer is replayed for a day."""

from dataclasses import dataclass

from sandbox.stripe.errors import ApiError

LIFETIME = 24 * 3600
LONGEST = 255


@dataclass
class Kept:
    """A key's first request and, once it has finished, its answer."""

    fingerprint: str
    at: int
    status: int = 0
    body: str = ""

    @property
    def finished(self) -> bool:
        """Whether there is an answer to replay."""
        return self.status != 0


class Keys:
    """Keys by account. Callers hold the lock."""

    def __init__(self) -> None:
        """Start with none."""
        self.kept: dict[tuple[str, str], Kept] = {}

    def begin(self, account: str, key: str, fingerprint: str, now: int) -> Kept:
        """Return the key's first request, or record this one as the first. Raises ``ApiError`` if
        the parameters differ or the first request is still in progress.
        """
        if len(key) > LONGEST:
            raise ApiError(400, "Idempotency key may only be up to 255 characters.", kept=False)
        found = self.kept.get((account, key))
        if found is None or now - found.at >= LIFETIME:
            fresh = self.kept[account, key] = Kept(fingerprint, now)
            return fresh
        if found.fingerprint != fingerprint:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the parameters of their first"
                f" use. Key: '{key}'.",
                type="idempotency_error",
                kept=False,
            )
        if not found.finished:
            raise ApiError(
                409,
                "There is currently another in-progress request using this idempotency key:"
                f" {key}.",
                type="idempotency_error",
                kept=False,
                code="idempotency_key_in_use",
            )
        return found

    def forget(self, account: str, key: str) -> None:
        """Free a key whose request was not executed."""
        self.kept.pop((account, key), None)

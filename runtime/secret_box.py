"""Encrypts secrets that must be readable again, under PAYPHONE_SECRET_KEY or under a secret that
only its owner has.

The newest key in PAYPHONE_SECRET_KEY seals; every key there opens. To roll it, put a new key in
front, reseal everything (`bin/payphone reseal`), then drop the old one.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.errors import Misconfigured
from runtime.settings import get_settings

NEEDS_KEY = (
    "webhook endpoints, card forms, SIP trunks, porting PINs and integrations are refused until it"
    " is"
)


def _box() -> MultiFernet:
    keys = get_settings().secret_keys
    if not keys:
        raise Misconfigured(
            "PAYPHONE_SECRET_KEY is not set: nothing can be sealed. Set it to a long random text."
        )
    return MultiFernet([Fernet(_derived(key, b"payphone secret box")) for key in keys])


def _derived(key: str, purpose: bytes) -> bytes:
    """Derive a key for one purpose, so that a key used for signing elsewhere opens nothing here."""
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
    return base64.urlsafe_b64encode(made)


def box_of(bearer: str) -> Fernet:
    """A box that only the holder of the secret `bearer` (long and random) can open: we keep no more
    than its hash.
    """
    return Fernet(_derived(bearer, b"payphone bearer's box"))


def seal(secret: str) -> str:
    """`secret`, encrypted and authenticated under the newest key."""
    return _box().encrypt(secret.encode()).decode()


def is_newest(sealed: str) -> bool:
    """Whether the newest key opens `sealed`, so that it needs no older one."""
    keys = get_settings().secret_keys
    try:
        Fernet(_derived(keys[0] if keys else "", b"payphone secret box")).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def can_open(sealed: str) -> bool:
    """Whether any of the keys opens `sealed`."""
    try:
        unseal(sealed)
    except Misconfigured:
        return False
    return True


def unseal(sealed: str) -> str:
    """Decrypt what `seal` returned. Raises Misconfigured if none of the keys opens it."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Misconfigured(
            "A sealed secret cannot be opened with any key in PAYPHONE_SECRET_KEY. Put the removed"
            " key back."
        ) from None

"""Settings: which are missing, invalid or unsafe."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from limits import parse

from bin.commands.checks.finding import Finding, Level, judged
from delivery.heartbeats import DETOUR
from models.accounts.account import stripe_accounts
from rules.money import in_words, no_fee
from rules.stripe_mode import mode_of_key
from runtime.errors import Misconfigured
from runtime.secret_box import NEEDS_KEY
from runtime.settings import INTERACTIVE, QUEUES, Settings
from runtime.trusted_proxies import trusted_proxies

SHORTEST_SECRET = 32  # characters
FEE_ADVICE = "Set it to an amount that Stripe charges, in minor units, or to 0."
COPY = (
    "Copy both from one page of Stripe's dashboard (Developers, API keys), in the mode you want:"
    " sk_live_… or rk_live_… and pk_live_…, or sk_test_… and pk_test_…."
)
UNSAID = "its mode is unknown"
GUESSABLE = {"secret", "changeme", "change-me", "default", "unset", "test", "demo"}


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Check for missing and invalid settings. Outside production a missing key only warns."""
    level: Level = "fail" if settings.payphone_env == "production" else "warn"
    yield Finding("ok", "PAYPHONE_ENV", settings.payphone_env)
    yield _secret_key(settings, level)
    yield _public_url(settings, level)
    advice = "Set REDIS_URL, unless everything runs on this one machine."
    yield judged(
        not settings.redis_url,
        "REDIS_URL",
        "set" if settings.redis_url else "not set: worker.py runs an embedded Valkey",
        advice,
        "warn",
    )
    yield _stripe(settings, level)
    yield _publishable(settings)
    yield judged(
        not settings.stripe_webhook_secret,
        "STRIPE_WEBHOOK_SECRET",
        f"set; {UNSAID}" if settings.stripe_webhook_secret else "not set",
        "Without it every Stripe event is refused: set the endpoint's whsec_….",
        level,
    )
    named = (
        "The built-in operator cannot sign in. That is fine if you have named ones: bin/payphone"
        " operator add NAME."
    )
    yield _presence("OPERATOR_PASSWORD", settings.operator_password, named, "warn")
    yield _workers(settings)
    yield _proxies(settings)
    for name, rate in (
        ("RATE_PER_KEY", settings.rate_per_key),
        ("RATE_PER_ADDRESS", settings.rate_per_address),
    ):
        yield _rate(name, rate, settings)
    yield Finding(
        "ok",
        "DAILY_CEILINGS",
        ", ".join(f"{what} {most}" for what, most in settings.ceilings.items()),
    )
    fee, currency = settings.fee
    yield _fee(fee, currency)
    tester = settings.forwarding_test_number
    yield Finding("ok", "FORWARDING_TEST_NUMBER", tester or "not set: no test calls are placed")
    yield Finding("ok", "LOG_FORMAT", settings.log_format)


def _fee(fee: int, currency: str) -> Finding:
    """Check that Stripe charges this fee; if not, every deployment is refused."""
    if not fee:
        return Finding("ok", "SETUP_FEE", "nothing is charged")
    why = no_fee(fee, currency)
    return judged(bool(why), "SETUP_FEE", why or in_words(fee, currency, "en"), FEE_ADVICE)


def check_connect(settings: Settings) -> Finding:
    """Check that events of connected accounts can be verified. Needs the database."""
    what, connected = (
        "STRIPE_CONNECT_WEBHOOK_SECRET",
        len([account for account in stripe_accounts() if account]),
    )
    if settings.connect_webhook_secrets or not connected:
        return Finding(
            "ok",
            what,
            (
                f"set; {UNSAID}"
                if settings.connect_webhook_secrets
                else "not set: no account has a Stripe account of its own"
            ),
        )
    advice = (
        "All their events are refused: create the endpoint /api/webhooks/stripe/connect at Stripe"
        " and set its whsec_…."
    )
    return Finding("fail", what, f"not set, and {connected} Stripe accounts are connected", advice)


def _proxies(settings: Settings) -> Finding:
    what = "TRUSTED_PROXIES"
    try:
        trusted_proxies()
    except Misconfigured as error:
        return Finding("fail", what, "cannot be read", str(error))
    unsaid = settings.payphone_env == "production" and not settings.trusted_proxies
    advice = (
        "Set it to the proxy in front. Requests from an unknown proxy do not count as HTTPS, so"
        " payment endpoints refuse them."
    )
    return judged(
        unsaid, what, settings.trusted_proxies or "not set: this machine only", advice, "warn"
    )


def _rate(name: str, rate: str, settings: Settings) -> Finding:
    unlimited = rate == "none"
    try:
        found = "none: requests are not limited" if unlimited else str(parse(rate))
    except ValueError:
        return Finding(
            "fail",
            name,
            f"{rate!r} is not a rate",
            "Use a value such as 600/minute, or none; the web process will not start with this"
            " one.",
        )
    return judged(
        unlimited and settings.payphone_env == "production",
        name,
        found,
        "Set it to a value such as 600/minute.",
        "warn",
    )


def _presence(name: str, value: str, advice: str, level: Level) -> Finding:
    return judged(not value, name, "set" if value else "not set", advice, level)


def _secret_key(settings: Settings, level: Level) -> Finding:
    what, advice = (
        "PAYPHONE_SECRET_KEY",
        (
            "Set it to a long random text: python3 -c 'import secrets;"
            " print(secrets.token_urlsafe(48))'."
        ),
    )
    newest = settings.secret_keys[0] if settings.secret_keys else ""
    if not newest:
        return Finding(level, what, f"not set: {NEEDS_KEY}", advice)
    guessable = len(newest) < SHORTEST_SECRET or any(
        word in newest.lower().replace("_", "-").split("-") for word in GUESSABLE
    )
    return judged(
        guessable,
        what,
        "short or easy to guess" if guessable else f"set ({len(settings.secret_keys)} in use)",
        advice,
        level,
    )


def _public_url(settings: Settings, level: Level) -> Finding:
    parts = urlsplit(settings.public_url)
    advice = "Set it to the https:// URL at which customers and Stripe reach this installation."
    if not settings.public_url:
        return Finding(level, "PUBLIC_URL", "not set", advice)
    return judged(
        parts.scheme != "https" or not parts.netloc,
        "PUBLIC_URL",
        settings.public_url,
        advice,
        level,
    )


def _stripe(settings: Settings, level: Level) -> Finding:
    what, key = "STRIPE_SECRET_KEY", settings.stripe_secret_key
    if not key:
        return Finding(
            level,
            what,
            "not set",
            "Set the secret or restricted key of your Stripe account, sk_… or rk_….",
        )
    if not key.startswith(("sk_", "rk_")):
        return Finding(
            "fail",
            what,
            "set, but not a secret key",
            "A secret key starts with sk_ or rk_; this may be the publishable one.",
        )
    if settings.payphone_env == "production" and settings.stripe_api_base:
        return Finding(
            "warn",
            what,
            f"set, but requests go to {settings.stripe_api_base}",
            "Remove STRIPE_API_BASE to reach Stripe itself.",
        )
    mode = mode_of_key(key)
    if not mode:
        return Finding("warn", what, "set, but its mode is unknown", COPY)
    kind = "restricted" if key.startswith("rk_") else "secret"
    test = mode == "test" and settings.payphone_env == "production"
    return judged(
        test,
        what,
        f"a {kind} key of {mode} mode",
        "No real money moves. Set the live key to go live.",
        "warn",
    )


def _publishable(settings: Settings) -> Finding:
    """Check the key for pages that take cards. If its mode is not the secret key's, no card form
    works.
    """
    what, key = "STRIPE_PUBLISHABLE_KEY", settings.stripe_publishable_key
    if not key:
        return Finding("warn", what, "not set", "Pages that take cards need it.")
    mode, ours = mode_of_key(key), mode_of_key(settings.stripe_secret_key)
    if not key.startswith("pk_") or not mode:
        return Finding("fail", what, "set, but not a publishable key", COPY)
    found = f"a publishable key of {mode} mode"
    is_other = mode != ours and settings.stripe_secret_key.startswith(("sk_", "rk_"))
    return judged(
        bool(ours) and is_other,
        what,
        f"{found}, the secret key of {ours} mode" if is_other else found,
        f"No card form works with keys of two modes. {COPY}",
    )


def _workers(settings: Settings) -> Finding:
    try:
        counts = settings.worker_counts
    except ValueError:
        return Finding(
            "fail",
            "WORKERS",
            settings.workers,
            "Use a number, or queue=number pairs such as webhooks=4,calls=1.",
        )
    unknown, idle = (
        sorted(set(counts) - set(QUEUES)),
        [queue for queue in QUEUES if not counts.get(queue)],
    )
    if unknown:
        return Finding(
            "fail",
            "WORKERS",
            f"no such queue: {', '.join(unknown)}",
            f"The queues are {', '.join(QUEUES)}.",
        )
    found = f"none for {', '.join(idle)}" if idle else settings.workers
    advice = "Start them on another machine, or add them here."
    if INTERACTIVE in idle:
        advice += f" While no machine has {INTERACTIVE}, {DETOUR}."
    return judged(bool(idle), "WORKERS", found, advice, "warn")

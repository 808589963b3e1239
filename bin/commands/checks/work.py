"""Work: every queue has workers, relay and scheduler run, and no job or event is stuck."""

from collections.abc import Iterator
from datetime import UTC, datetime

from redis import Redis

from bin.commands.checks.finding import Finding, judged
from delivery.heartbeats import read_heartbeats
from delivery.registry import find_job
from models.accounts.account import stripe_accounts
from models.books.stripe_watermark import STALE, StripeWatermark
from models.deployment.setup import Setup
from models.feed.webhook_endpoint import WebhookEndpoint
from models.integrations.integration import Integration
from models.reports.figures import (
    backfill_age,
    count_delivered,
    count_doubts,
    count_fetched,
    count_inbox,
    count_jobs,
    oldest_due,
)
from models.transactions import database_time
from runtime.clock import real_now
from runtime.secret_box import can_open, is_newest
from runtime.settings import QUEUES, Settings

OLD = 120.0  # seconds that a due job can wait before it is reported
NEVER_READ = (
    "Missed events go unnoticed: start the scheduler and workers; bin/payphone events backfills"
    " shows what failed."
)
LATELY, DAY = 3 * 3600, 24 * 3600  # seconds
FEW = 10  # events a day that the backfill happens to read just before they are delivered
REFUSED = (
    "See docs/operations/books.md, Events are refused: a wrong secret or clock, or no endpoint at"
    " Stripe; a few are normal after downtime."
)
LOST_KEY = (
    "Put the removed key back, last in PAYPHONE_SECRET_KEY, and restart; then run bin/payphone"
    " reseal. See docs/operations/keys.md."
)
SHOWN = 3  # failing endpoints that are listed
START_WORKERS = "Start python worker.py (WORKERS sets how many per queue)."


def check_processes(redis: Redis) -> Iterator[Finding]:
    """Check which processes are running. Raises RedisError."""
    signs = read_heartbeats(redis, database_time())
    idle = [queue for queue in QUEUES if not signs.workers[queue]]
    found = (
        f"nobody serves {', '.join(idle)}"
        if idle
        else ", ".join(f"{queue} {count}" for queue, count in signs.workers.items())
    )
    advice = f"{START_WORKERS} Until then {signs.detour}." if signs.detour else START_WORKERS
    yield judged(bool(idle), "workers", found, advice)
    if signs.frozen:
        advice = "Workers that die there are not replaced. Resume it (kill -CONT), or restart it."
        yield Finding("fail", "supervisor", f"frozen: {signs.frozen}", advice)
    for what, seen, start in (
        ("relay", signs.relay, START_WORKERS),
        ("scheduler", signs.scheduler, "Start python scheduler.py."),
    ):
        yield judged(
            seen is None,
            what,
            "not seen for a minute" if seen is None else f"seen {seen:.0f} s ago",
            start,
        )


def check_jobs() -> Iterator[Finding]:
    """Check jobs, effects and events in our tables."""
    counts = count_jobs()
    unknown = sorted(
        {
            row.name
            for row in counts
            if row.state in {"waiting", "running"} and find_job(row.name) is None
        }
    )
    found = f"unknown: {', '.join(unknown)}" if unknown else "all known to this release"
    yield judged(
        bool(unknown),
        "job names",
        found,
        "Another release staged them: run that release, or let it finish first.",
    )
    dead = {row.name: row.count for row in counts if row.state == "dead"}
    found = ", ".join(f"{name} {count}" for name, count in sorted(dead.items())) if dead else "none"
    yield judged(
        bool(dead),
        "dead jobs",
        found,
        "See bin/payphone jobs list --state dead; fix the cause, then bin/payphone jobs retry ID.",
        "warn",
    )
    doubts = ", ".join(f"{kind} {count}" for kind, count in sorted(count_doubts().items()))
    yield judged(
        bool(doubts),
        "effects in doubt",
        doubts or "none",
        "See bin/payphone effects list --in-doubt; then effects reconcile, or settle.",
        "warn",
    )
    late = {queue: age for queue, age in oldest_due().items() if age > OLD}
    found = (
        ", ".join(f"{queue} {age:.0f} s" for queue, age in late.items())
        if late
        else "nothing waits long"
    )
    yield judged(
        bool(late), "oldest due job", found, "Workers are missing or too few: see above.", "warn"
    )
    refused = count_inbox().get("refused", 0)
    yield judged(
        bool(refused),
        "refused events",
        str(refused or "none"),
        "See bin/payphone events list --outcome refused: each says why.",
        "warn",
    )


def check_sealed() -> Finding:
    """Check that the newest PAYPHONE_SECRET_KEY opens every sealed secret, so that older keys can
    be dropped.
    """
    sealed = [endpoint.secret for endpoint in WebhookEndpoint.sealed()]
    sealed += [secret for setup in Setup.with_secrets() for secret in setup.sealed.values()]
    sealed += [row.sealed for row in Integration.with_secrets()]
    old = [secret for secret in sealed if not is_newest(secret)]
    lost = sum(not can_open(secret) for secret in old)
    if lost:
        found = f"{lost} of {len(sealed)} cannot be opened with any key that is set"
        return Finding("fail", "sealed secrets", found, LOST_KEY)
    found = (
        f"{len(old)} of {len(sealed)} need an older key" if old else "nothing needs an older key"
    )
    return judged(
        bool(old),
        "sealed secrets",
        found,
        "Run bin/payphone reseal before you drop the older key.",
        "warn",
    )


def check_endpoints_of_clinics() -> Finding:
    """Check that clinics' software accepts its webhooks."""
    held = WebhookEndpoint.held()
    found = ", ".join(f"{row.id} of {row.account_id}: {row.last_error}" for row in held[:SHOWN])
    more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    return judged(
        bool(held),
        "clinics' webhooks",
        f"{found}{more}" if held else "none is held",
        "See docs/operations/webhooks.md; all events stay in the feed, GET /api/events.",
        "warn",
    )


def check_readings(settings: Settings) -> Iterator[Finding]:
    """Check that Stripe's lists of events are being read; if not, texts and charges of those
    accounts are held.
    """
    marks = [
        mark
        for mark in map(StripeWatermark.of, stripe_accounts())
        if mark is not None and StripeWatermark.is_stale(mark.stripe_account, real_now())
    ]
    names = ", ".join(sorted(mark.stripe_account or "platform" for mark in marks))
    since = datetime.fromtimestamp(min((mark.created for mark in marks), default=1) - 1, UTC)
    advice = (
        "Their texts and charges wait. Start the scheduler and workers, or bin/payphone events"
        f" backfill --since {since:%FT%TZ}."
    )
    if marks or not settings.stripe_secret_key or (backfill_age() or 0) < STALE.total_seconds():
        yield judged(
            bool(marks),
            "Stripe's events",
            f"not read for hours: {names}" if marks else "read on time",
            advice,
        )
    else:
        yield Finding("fail", "Stripe's events", "one list was never read to its end", NEVER_READ)


def check_deliveries() -> Iterator[Finding]:
    """Check that Stripe delivers its events, so that they do not arrive only with the hourly
    backfill.
    """
    lately, delivered, day = count_fetched(LATELY), count_delivered(LATELY), count_fetched(DAY)
    for door, count in lately.items():
        what = f"events to {door}"
        if count and not delivered[door]:
            yield Finding(
                "fail",
                what,
                f"none was delivered for three hours; {count} had to be fetched",
                REFUSED,
            )
        else:
            yield judged(
                day[door] > FEW,
                what,
                f"{day[door] or 'none'} had to be fetched in a day",
                REFUSED,
                "warn",
            )

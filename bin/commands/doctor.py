"""`doctor`: check the installation, and show what each check found and what to do."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
from redis import Redis
from redis.exceptions import RedisError
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bin.commands.checks.database import check_database
from bin.commands.checks.deployments import check_deployments, check_strays
from bin.commands.checks.files import check_files
from bin.commands.checks.finding import Finding
from bin.commands.checks.integrations import check_integrations, check_providers
from bin.commands.checks.money import check_cards, check_fees, check_money, check_totals
from bin.commands.checks.redis_server import check_redis
from bin.commands.checks.settings import check_connect, check_settings
from bin.commands.checks.stripe_access import check_connected, check_endpoints, check_stripe
from bin.commands.checks.texting import check_number_lookups, check_senders, check_texting
from bin.commands.checks.voice import check_voice
from bin.commands.checks.work import (
    check_deliveries,
    check_endpoints_of_clinics,
    check_jobs,
    check_processes,
    check_readings,
    check_sealed,
)
from bin.commands.output import console, plain
from delivery.outages import AWAY, explain_redis
from models.delivery.staged_job import StagedJob
from rules.cards.card_numbers import redact
from runtime.errors import Misconfigured
from runtime.log import configure_log
from runtime.redis.connection import connect_redis
from runtime.redis.embedded import socket_url
from runtime.settings import Settings
from runtime.start import read_settings

TIMEOUT = 3.0  # seconds to wait for Redis
START = "Start the Procfile's processes: release, then web, worker and scheduler."
MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}


@click.command()
def doctor() -> None:
    """Check settings, providers, database, Redis, clocks, processes, jobs, money and senders.

    Exit code 1 if anything fails; warnings deserve a look but do not count.
    """
    configure_log(level="ERROR", mask=redact)
    findings = list(examine())
    table = Table("", "what", "found", "next", box=SIMPLE_HEAD, pad_edge=False)
    for finding in findings:
        table.add_row(
            MARKS[finding.level],
            *(plain(text) for text in (finding.what, finding.found, finding.advice)),
        )
    console().print(table)
    counts = Counter(finding.level for finding in findings)
    warnings = f"{counts['warn']} warning{'s' * (counts['warn'] != 1)}"
    console().print(f"{counts['ok']} ok, {warnings}, {counts['fail']} failed")
    if counts["fail"]:
        raise SystemExit(1)


def examine() -> Iterator[Finding]:
    """Yield every finding. Checks that depend on a failed one are skipped."""
    try:
        settings = read_settings()
    except Misconfigured as error:
        advice = "Correct them in the environment or in .env; nothing else was checked."
        yield Finding("fail", "settings", str(error), advice)
        return
    yield from check_settings(settings)
    yield check_files(settings)
    stripe = check_stripe(settings)
    if stripe:
        yield stripe
    yield from check_texting(settings)
    yield from check_voice(settings)
    yield from check_providers(settings)
    database = list(check_database(settings))
    yield from database
    usable = all(
        finding.level != "fail" or finding.what.startswith("clock") for finding in database
    )
    yield from _redis(settings, usable)
    if usable:
        yield check_connect(settings)
        if stripe and stripe.level == "ok":
            yield from check_connected()
            yield from check_endpoints(settings)
        yield from check_jobs()
        yield from check_readings(settings)
        yield from check_deliveries()
        yield from check_money()
        yield from check_cards()
        yield from check_fees()
        yield from check_deployments()
        yield check_totals()
        yield check_sealed()
        yield check_endpoints_of_clinics()
        yield check_strays()
        yield from check_integrations()
        yield from check_senders(settings)
        yield check_number_lookups(settings)


def _redis(settings: Settings, database_usable: bool) -> Iterator[Finding]:
    untouched = not database_usable or not StagedJob.select().exists()  # no job was ever staged
    try:
        if not settings.redis_url and not Path(socket_url().removeprefix("unix://")).exists():
            yield Finding(
                "warn" if untouched else "fail",
                "Redis",
                "not started yet: worker.py brings one",
                START,
            )
            return
        redis: Redis = connect_redis(settings.redis_url, timeout=TIMEOUT)
        yield from check_redis(redis)
        if database_usable:
            yield from _processes(redis, untouched)
    except (RedisError, Misconfigured, ValueError) as error:
        advice = explain_redis(error) if isinstance(error, RedisError) else AWAY
        yield Finding("fail", "Redis", f"cannot be used: {type(error).__name__}", advice)


def _processes(redis: Redis, untouched: bool) -> list[Finding]:
    """Check which processes are running. That none runs before the first start is no failure."""
    findings = list(check_processes(redis))
    if untouched and all(finding.level == "fail" for finding in findings):
        return [replace(finding, level="warn", advice=START) for finding in findings]
    return findings

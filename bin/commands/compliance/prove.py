"""`compliance prove`: compare the contact gate with an independent checker on random cases."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import click

from bin.commands.compliance.checker import NEARLY_OVER, Case, Made, broken
from bin.commands.compliance.random_cases import facts_of, random_contact, random_moments
from bin.commands.output import complain, say, show_table
from rules.contact.facts import Allowed
from rules.contact.gate import all_refusals, may_contact
from rules.contact.policy import RULES, Rule

MOST_SHOWN, TOLD_EVERY = 5, 20_000
MOMENTS = 5  # sampled while a permission lasts, and before the next one begins


@dataclass(slots=True)
class Verdict:
    """The number of attempts and contacts, the answers by code, and where gate and checker
    disagree.
    """

    attempts: int = 0
    contacts: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@click.group()
def compliance() -> None:
    """Prove that the contact gate keeps the rules."""


@compliance.command()
@click.option("--attempts", type=click.IntRange(1), default=20_000, show_default=True)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed gives the same cases."
)
def prove(attempts: int, seed: int) -> None:
    """Attempt to contact random people around changes of clocks, days and rules, and compare each
    answer of the gate with a second reading of the rules that shares no code with it. Nothing is
    sent and no database is used. Exit code 1 if they differ anywhere.
    """
    verdict = proved(attempts, seed, tell=sys.stderr.isatty())
    rows = [("allowed", verdict.contacts), *verdict.codes.most_common()]
    show_table(("answer", "times"), rows, "")
    for fault in verdict.faults[:MOST_SHOWN]:
        complain(fault)
    if verdict.faults:
        say(f"{len(verdict.faults)} of {verdict.attempts} answers (seed {seed}) break a rule.")
        raise click.exceptions.Exit(1)
    say(
        f"{verdict.attempts} attempts (seed {seed}), {verdict.contacts} contacts: none breaks a"
        " rule, every refusal has its reason, and every next time is the earliest allowed."
    )


def proved(
    attempts: int, seed: int, rules: tuple[Rule, ...] = RULES, tell: bool = False
) -> Verdict:
    """Run this many attempts against the gate with these rules."""
    random, verdict = Random(seed), Verdict()  # noqa: S311 - a town by chance, not a secret
    while verdict.attempts < attempts:
        log: list[Made] = []
        for case, now in random_moments(random):
            if verdict.attempts == attempts:
                break
            _attempt(random, verdict, case, log, now, rules)
            if tell and verdict.attempts % TOLD_EVERY == 0:
                click.echo(f"{verdict.attempts} attempts", err=True)
    return verdict


def _attempt(
    random: Random,
    verdict: Verdict,
    case: Case,
    log: list[Made],
    now: datetime,
    rules: tuple[Rule, ...],
) -> None:
    verdict.attempts += 1
    facts, against = facts_of(case, log), broken(case, log, now)
    answer = may_contact(facts, now, rules)
    refusals = {one.code for one in all_refusals(facts, now, rules)}
    found = (
        []
        if refusals == against
        else [f"it says {sorted(refusals)}, the checker {sorted(against)}"]
    )
    if isinstance(answer, Allowed):
        verdict.contacts += 1
        found += _wrong_until(case, log, now, answer)
        log.append(random_contact(random, case, now))
    else:
        verdict.codes[answer.code] += 1
        if answer.code not in against:
            found.append(f"it is refused as {answer.code}")
        found += _wrong_next(case, log, now, answer.next_at)
    verdict.faults += [f"{what}: {now.isoformat()} {case} after {log}" for what in found]


def _wrong_until(case: Case, log: list[Made], now: datetime, answer: Allowed) -> Iterator[str]:
    """Yield times at which a permission does not hold, up to the margin before its end."""
    last = answer.until - timedelta(minutes=NEARLY_OVER, microseconds=1)
    for at in (*_between(now, last), last) if last > now else ():
        if broken(case, log, at):
            yield f"it is allowed until {answer.until}, and not at {at}"


def _wrong_next(
    case: Case, log: list[Made], now: datetime, next_at: datetime | None
) -> Iterator[str]:
    """Yield why the announced next time is wrong: it is not allowed, it is not the earliest, or
    there is one and none was announced.
    """
    later: Iterable[datetime]
    if next_at is None:
        later = (now + timedelta(hours=7 * step, minutes=11) for step in range(1, MOMENTS))
    else:
        if broken(case, log, next_at):
            yield f"the next time {next_at} is not allowed"
        last = next_at - timedelta(microseconds=1)
        later = [*_between(now, last), last]
    for at in later:
        if not broken(case, log, at):
            yield f"the next time is said to be {next_at}, yet {at} is allowed"


def _between(first: datetime, last: datetime) -> list[datetime]:
    """Return evenly spaced moments from the first to the last; none if they are out of order."""
    return [first + (last - first) * step / MOMENTS for step in range(MOMENTS) if last > first]

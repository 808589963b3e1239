"""The story's output in a terminal."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rules.money import in_words
from runtime.settings import ROOT
from simulation.expected import Contacted, Course, Outcome, Verdict
from simulation.places import DESCRIPTION, LOGS

console = Console(
    width=max(80, int(os.environ.get("COLUMNS") or 110)),
    highlight=False,
    force_terminal=bool(os.environ.get("FORCE_COLOR")) or None,
)
_began = time.monotonic()
Found = TypeVar("Found")
STATUS_COLOURS = {
    "paid": "green",
    "overdue": "yellow",
    "sent": "cyan",
    "live": "green",
    "rolled_back": "yellow",
}


def _print_line(text: str) -> None:
    """Print a line with the story's time; long text wraps below its own beginning."""
    line = Table.grid(padding=(0, 2))
    line.add_row(f"[dim]{time.monotonic() - _began:5.1f}s[/dim]", text)
    console.print(line)


def chapter(title: str, detail: str) -> None:
    """Announce a new part of the story."""
    _print_line(f"[bold]{title}[/bold]  [dim]{detail}[/dim]")


def step(text: str) -> None:
    """Print a step within a part."""
    _print_line(f"[dim]· {text}[/dim]")


def breakage(what: str, meaning: str) -> None:
    """Announce that something is broken on purpose."""
    _print_line(f"[bold red]✗ {what}[/bold red]  [dim]{meaning}[/dim]")


def failure(text: str) -> None:
    """Print why the story cannot go on."""
    _print_line(f"[bold red]{text}[/bold red]")


def wait_for(what: str, probe: Callable[[], Found | None], seconds: float = 60) -> Found:
    """Poll `probe` until it finds something, and return that. Raises ``RuntimeError``
    on timeout.
    """
    until = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > until:
            raise RuntimeError(f"Timed out after {seconds:.0f} s waiting for {what}.")
        time.sleep(0.05)
    return found


def money(amount: int, currency: str) -> str:
    """Format an amount for display."""
    return in_words(amount, currency, "en_US")


def table(verdicts: list[Verdict]) -> bool:
    """Print every invoice beside Stripe's own ledger; returns whether all agree."""
    shown = Table(
        title="Payphone's books next to Stripe's own ledger",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    for name, justify in (
        ("invoice", "left"),
        ("the payer", "left"),
        ("due", "right"),
        ("kept, at Stripe", "right"),
        ("kept, here", "right"),
    ):
        shown.add_column(name, justify=justify)  # type: ignore[arg-type]
    shown.add_column("status")
    shown.add_column("agree", justify="center")
    for verdict in verdicts:
        shown.add_row(*_row(verdict))
    console.print()
    console.print(shown)
    wrong = [verdict for verdict in verdicts if not verdict.holds]
    words = (
        f"{len(verdicts)} of {len(verdicts)} invoices agree to the minor unit."
        if not wrong
        else f"{len(wrong)} of {len(verdicts)} invoices DISAGREE."
    )
    console.print(Text(words, style="bold green" if not wrong else "bold red"))
    return not wrong


def _row(verdict: Verdict) -> list[Text]:
    colour = STATUS_COLOURS.get(verdict.payphone_status, "white")
    status = verdict.payphone_status
    if verdict.payphone_kept > verdict.due:
        status += ", overpaid"
    elif 0 < verdict.payphone_kept < verdict.due:
        status += ", in part"
    return [
        Text(verdict.number),
        Text(verdict.note, style="dim"),
        Text(money(verdict.due, verdict.currency)),
        Text(money(verdict.stripe_kept, verdict.currency)),
        Text(money(verdict.payphone_kept, verdict.currency)),
        Text(status, style=colour),
        (
            Text("✓", style="green")
            if verdict.holds
            else Text(f"✗ {verdict.stripe_status}", style="bold red")
        ),
    ]


def clinics_table(outcomes: list[Outcome], nothing_else: bool) -> bool:
    """Print every clinic that deployed beside what the providers have; returns whether all is as
    expected.
    """
    shown = Table(
        title="Clinics that deployed, beside the providers' own records",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    for name in ("clinic", "what happened", "ended as"):
        shown.add_column(name)
    for name in ("charged", "refunded", "bought", "released", "at Vapi"):
        shown.add_column(name, justify="right")
    shown.add_column("holds", justify="center")
    for outcome in outcomes:
        shown.add_row(
            Text(outcome.name),
            Text(outcome.what, style="dim"),
            Text(outcome.status.replace("_", " "), style=STATUS_COLOURS.get(outcome.status, "")),
            Text(money(outcome.charged, "usd")),
            Text(money(outcome.refunded, "usd")),
            Text(str(outcome.bought)),
            Text(str(outcome.released)),
            Text(str(outcome.at_vapi)),
            Text("✓", style="green") if outcome.holds else Text("✗", style="bold red"),
        )
    console.print()
    console.print(shown)
    held = nothing_else and all(outcome.holds for outcome in outcomes)
    words = (
        "Stripe, Twilio and Vapi have what the live clinics use, and nothing else."
        if held
        else "The providers do NOT have exactly what the live clinics use."
    )
    console.print(Text(words, style="bold green" if held else "bold red"))
    return held


def month_table(courses: list[Course]) -> bool:
    """Print every customer's month; returns whether each contact was lawful according to the
    checker, and the right customers have paid.
    """
    shown = Table(
        title="A month: who was contacted, who was not and why, who paid",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    for name in ("person", "texted or called, local time", "not contacted, because", "promised"):
        shown.add_column(name)
    shown.add_column("paid")
    shown.add_column("lawful", justify="center")
    for course in courses:
        shown.add_row(
            Text(f"{course.name}\n{course.home}"),
            Text("\n".join(_contacted(one) for one in course.contacts) or "—"),
            Text(", ".join(course.refusals).replace("_", " "), style="dim"),
            Text(", ".join(course.promises).replace("_", " ")),
            Text(f"{course.paid_at:%d %b}" if course.paid_at else ""),
            Text("✓", style="green") if course.holds else Text("✗", style="bold red"),
        )
    console.print()
    console.print(shown)
    held = bool(courses) and all(course.holds for course in courses)
    count = sum(len(course.contacts) for course in courses)
    words = (
        f"{count} contacts, and the checker found none that breaks a rule."
        if held
        else f"{count} contacts, and the month did NOT go as expected."
    )
    console.print(Text(words, style="bold green" if held else "bold red"))
    return held


def _contacted(one: Contacted) -> str:
    """Format one contact as a line."""
    how = {"sms": "text", "voice": "call"}[one.by]
    came_of_it = f": {one.outcome.replace('_', ' ')}"
    broken = f" BREAKS {', '.join(sorted(one.wrong))}" if one.wrong else ""
    return f"{one.at:%d %b %H:%M} {how}{came_of_it}{broken}"


def typed(path: Path) -> str:
    """Return a path as typed from the project's folder."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def addresses(about: dict[str, Any]) -> None:
    """Print where everything is, when the demo stays up."""
    shown = Table.grid(padding=(0, 2))
    rows = {
        "Payphone": about["url"],
        "operator's login": f"operator / {about['operatorPassword']}",
        "jobs (rq-dashboard)": f"{about['url']}/rq",
        "Stripe's stand-in": about["sandboxUrl"],
        "API key": about["accounts"][0]["key"],
        "all of this, as JSON": typed(DESCRIPTION),
        "logs": f"{typed(LOGS)}/",
        "operator's commands": "bin/payphone --demo jobs list",
    }
    for name, value in rows.items():
        shown.add_row(Text(name, style="dim"), Text(value, style="bold"))
    console.print()
    console.print(shown)
    console.print("[dim]Ctrl-C stops everything.[/dim]")

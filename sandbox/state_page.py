"""The page that shows the sandbox's state; every value on it is escaped."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

import falcon

from sandbox.sandbox import Sandbox
from sandbox.stripe.state import Section, sections
from sandbox.twilio.state import sections as twilio_sections
from sandbox.vapi.state import sections as vapi_sections
from sandbox.wire import App

PAGE = Template(Path(__file__).with_name("state_page.html").read_text("utf-8"))
AT_MOST = 30
GOOD = {"succeeded", "paid", "complete", "delivered", "won", "True", "200", "active", "done"}
BAD = {
    "failed",
    "lost",
    "dropped",
    "canceled",
    "expired",
    "undelivered",
    "needs_response",
    "cut",
    "400",
    "402",
    "409",
    "429",
    "500",
    "502",
}
WAITING = {
    "pending",
    "processing",
    "waiting",
    "held",
    "sending",
    "open",
    "unpaid",
    "requires_action",
    "requires_payment_method",
    "under_review",
    "accepted",
    "queued",
    "sent",
    "activating",
}


class StatePage:
    """``GET /``; ``?refresh=5`` reloads it every five seconds."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Show a sandbox."""
        self.sandbox = sandbox

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Render the state."""
        with self.sandbox.shared.lock:
            tables = [
                *sections(self.sandbox.stripe, AT_MOST),
                *twilio_sections(self.sandbox.twilio, AT_MOST),
                *vapi_sections(self.sandbox.vapi, AT_MOST),
                *_ground_sections(self.sandbox),
            ]
        refresh = req.get_param_as_int("refresh", min_value=1, max_value=3600)
        resp.content_type = falcon.MEDIA_HTML
        resp.text = PAGE.substitute(
            refresh=f'<meta http-equiv="refresh" content="{refresh}">' if refresh else "",
            tiles="".join(_tile(section.title, count) for section, count in tables),
            sections="".join(_section(section, count) for section, count in tables),
        )


def _ground_sections(sandbox: Sandbox) -> list[tuple[Section, int]]:
    """Return the tables of deliveries, faults and requests, each with its total count."""
    shared = sandbox.shared
    deliveries = list(shared.outbox.all.values())[: -AT_MOST - 1 : -1]
    sent = [
        (
            d.event_type,
            d.state,
            d.attempts,
            d.last_status or d.last_error,
            "copy" if d.duplicate else "",
            d.url,
        )
        for d in deliveries
    ]
    asked = [(f.kind, f"{f.method} {f.path}", f.times, f.hits) for f in shared.faults.active]
    requests = list(shared.requests.entries)[: -AT_MOST - 1 : -1]
    came = [
        (
            f"{r.method} {r.path}",
            r.status or "cut",
            r.fault,
            "replayed" if r.replayed else "",
            r.idempotency_key,
        )
        for r in requests
    ]
    return [
        (
            Section(
                "Webhook deliveries", ("Event", "State", "Attempts", "Answer", "Twice", "To"), sent
            ),
            len(shared.outbox.all),
        ),
        (Section("Faults", ("Kind", "For", "Left", "Struck"), asked), len(asked)),
        (
            Section("Requests", ("Request", "Status", "Fault", "Replay", "Idempotency key"), came),
            len(shared.requests.entries),
        ),
    ]


def _anchor(title: str) -> str:
    """Return the HTML id of a section."""
    return title.lower().replace(" ", "-")


def _tile(title: str, count: int) -> str:
    """Render a count that links to its section."""
    return f'<li><a href="#{_anchor(title)}"><b>{count:,}</b> {escape(title)}</a></li>'


def _section(section: Section, count: int) -> str:
    """Render one table, or a note that it is empty."""
    anchor, title = _anchor(section.title), escape(section.title)
    more = (
        f" <small>latest {len(section.rows)} of {count:,}</small>"
        if count > len(section.rows)
        else ""
    )
    heading = f'<h2 id="{anchor}-title">{title}{more}</h2>'
    body = _table(section, anchor) if section.rows else "<p>None yet.</p>"
    return f'<section id="{anchor}">{heading}{body}</section>'


def _table(section: Section, anchor: str) -> str:
    """Render a table that scrolls on its own, by keyboard too. On a narrow screen each cell is a
    line with its column's name.
    """
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in section.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, section.columns, row))}</tr>" for row in section.rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{anchor}-title">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(column: str, value: Any) -> str:
    """Render one value; a known state is coloured."""
    text = "–" if value in (None, "") else str(value)
    tone = (
        "good" if text in GOOD else "bad" if text in BAD else "waiting" if text in WAITING else ""
    )
    shown = {"True": "yes", "False": "no"}.get(text, text.replace("_", " ") if tone else text)
    opened = f'<td data-column="{escape(column)}">'
    if tone:
        return f'{opened}<span class="{tone}">{escape(shown)}</span></td>'
    if text.startswith("http"):
        return f'{opened}<a href="{escape(text)}" rel="noreferrer">{escape(text)}</a></td>'
    return f"{opened}<div>{escape(shown)}</div></td>"


def add_routes(app: App, sandbox: Sandbox) -> None:
    """Serve the page at ``/``."""
    app.add_route("/", StatePage(sandbox))

"""Generates the parts of the documentation that come from code: `python -m docs.generate`.

These are the job table in development.md, the defaults in the tables of settings.md, and the
tables of contact-rules.md. A test compares them with the code.
"""

import re
import sys
from pathlib import Path

import jobs  # noqa: F401 - registers every job
from delivery.registry import JobType, find_job, job_names
from rules.contact.policy import ANY_PARTY, BOTH, GATE, OUTCOMES, RULES, Rule
from runtime.settings import Settings

HERE = Path(__file__).parent
DEVELOPMENT, SETTINGS = HERE / "development.md", HERE / "settings.md"
CONTACT_RULES = HERE / "contact-rules.md"
SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \|.*?\| (.*) \|$", re.MULTILINE)
_JOBS = re.compile(r"(?<=<!-- jobs: begin -->\n).*?(?=<!-- jobs: end -->)", re.DOTALL)
_RULES = re.compile(r"(?<=<!-- rules: begin -->\n).*?(?=<!-- rules: end -->)", re.DOTALL)
_OUTCOMES = re.compile(r"(?<=<!-- outcomes: begin -->\n).*?(?=<!-- outcomes: end -->)", re.DOTALL)
_SENTENCE = re.compile(r".*?[.](?= |$)|.+")


def with_jobs(text: str) -> str:
    """`text` with the table of all registered jobs between its markers."""
    rows = [_job_row(found) for name in job_names() if (found := find_job(name))]
    head = "| job | queue | attempts | seconds | what it does |\n|---|---|---|---|---|\n"
    return _JOBS.sub(lambda _: head + "".join(rows), text)


def _job_row(job: JobType) -> str:
    """A row of the job table. The description is the first sentence of the file's docstring, or of
    the function's if the file is named after another job.
    """
    file = sys.modules[job.perform.__module__]
    documented = file if file.__name__.endswith(f".{job.name}") else job.perform
    does = _SENTENCE.match(" ".join((documented.__doc__ or "").split()))
    said = does[0] if does else ""
    return f"| `{job.name}` | {job.queue} | {job.attempts} | {job.timeout} | {said} |\n"


def with_defaults(text: str) -> str:
    """`text` with each setting's default from the code; other rows stay as they are."""
    return SETTING_ROW.sub(_setting_row, text)


def _setting_row(row: re.Match[str]) -> str:
    field = Settings.model_fields.get(row[1].lower())
    if field is None:
        return row[0]
    default = "" if field.default in {None, ""} else f"`{field.default}` "
    return f"| `{row[1]}` | {default}| {row[2]} |"


def with_rules(text: str) -> str:
    """`text` with the tables of contact rules and of outcomes between their markers."""
    head = (
        "| rule | content | where and whom | in force | certainty | source | enforced by, code |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    text = _RULES.sub(lambda _: head + "".join(map(_rule_row, RULES)), text)
    outcomes = "| outcome | meaning | counts towards caps | conversation |\n|---|---|---|---|\n"
    for name, outcome in OUTCOMES.items():
        counts, talks = ("yes" if each else "no" for each in outcome.counted)
        outcomes += f"| `{name}` | {outcome.what} | {counts} | {talks} |\n"
    return _OUTCOMES.sub(lambda _: outcomes, text)


def _rule_row(rule: Rule) -> str:
    where = ", ".join([f"{city} (city)" for city in rule.cities] or rule.states)
    channels = "" if rule.channels == BOTH else f"; {' and '.join(rule.channels)}"
    parties = "" if rule.parties == ANY_PARTY else "; collectors for others"
    kept = GATE if rule.kept_by == GATE else rule.kept_by
    code = f": `{rule.code}`" if rule.code else ""
    numbers = ", ".join(f"{name} {value}" for name, value in rule.numbers.items())
    what = rule.what + (
        f" ({numbers}{f', per {rule.scope}' if rule.scope else ''})" * bool(numbers)
    )
    force = (
        f"{f'from {rule.starts}' if rule.starts else ''} {f'to {rule.ends}' if rule.ends else ''}"
    )
    cells = (
        f"`{rule.id}`",
        what,
        f"{where or 'everywhere'}{channels}{parties}",
        force.strip() or "always",
        rule.certainty,
        rule.source,
        kept + code,
    )
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Update the generated parts of each page."""
    generators = (
        (DEVELOPMENT, with_jobs),
        (SETTINGS, with_defaults),
        (CONTACT_RULES, with_rules),
    )
    for document, generated in generators:
        document.write_text(generated(document.read_text()))


if __name__ == "__main__":
    main()

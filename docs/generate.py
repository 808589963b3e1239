"""What the documents copy from the code: `python -m docs.generate` writes it into them.

The job table stands in development.md between two markers, the defaults in the tables of
settings.md. A test compares both with the code.
"""

import re
import sys
from pathlib import Path

import jobs  # noqa: F401 - makes every job known
from delivery.registry import JobType, find_job, job_names
from runtime.settings import Settings

HERE = Path(__file__).parent
DEVELOPMENT, SETTINGS = HERE / "development.md", HERE / "settings.md"
SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \|.*?\| (.*) \|$", re.MULTILINE)
_JOBS = re.compile(r"(?<=<!-- jobs: begin -->\n).*?(?=<!-- jobs: end -->)", re.DOTALL)
_SENTENCE = re.compile(r".*?[.](?= |$)|.+")


def with_jobs(text: str) -> str:
    """`text` with the table of every registered job between its markers."""
    rows = [_job_row(found) for name in job_names() if (found := find_job(name))]
    head = "| job | queue | attempts | seconds | what it does |\n|---|---|---|---|---|\n"
    return _JOBS.sub(lambda _: head + "".join(rows), text)


def _job_row(job: JobType) -> str:
    """A row; what the job does is said by its file, or by itself where a file holds two jobs."""
    file = sys.modules[job.perform.__module__]
    documented = file if file.__name__.endswith(f".{job.name}") else job.perform
    does = _SENTENCE.match(" ".join((documented.__doc__ or "").split()))
    said = does[0] if does else ""
    return f"| `{job.name}` | {job.queue} | {job.attempts} | {job.timeout} | {said} |\n"


def with_defaults(text: str) -> str:
    """`text` with each setting's default from the code; a row of no setting stays as it is."""
    return SETTING_ROW.sub(_setting_row, text)


def _setting_row(row: re.Match[str]) -> str:
    field = Settings.model_fields.get(row[1].lower())
    if field is None:
        return row[0]
    default = "" if field.default in {None, ""} else f"`{field.default}` "
    return f"| `{row[1]}` | {default}| {row[2]} |"


def main() -> None:
    """Write both documents."""
    for document, generated in ((DEVELOPMENT, with_jobs), (SETTINGS, with_defaults)):
        document.write_text(generated(document.read_text()))


if __name__ == "__main__":
    main()

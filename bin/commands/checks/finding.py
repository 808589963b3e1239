"""The result of one of the doctor's checks."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its level, what was found, and what to do (nothing when ok)."""

    level: Level
    what: str
    found: str
    advice: str = ""


def judged(bad: bool, what: str, found: str, advice: str, level: Level = "fail") -> Finding:
    """Return a finding of `level` with its advice if `bad`, otherwise an ok one."""
    return Finding(level, what, found, advice) if bad else Finding("ok", what, found)

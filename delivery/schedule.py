"""A tick of the timetable: rq-scheduler says when, and the database makes it happen once."""

from dataclasses import dataclass

from delivery.registry import find_job
from models.delivery.stage import stage
from models.transactions import transaction
from runtime.clock import real_seconds


@dataclass(frozen=True, slots=True)
class Schedule:
    """One line of the timetable: stage `job` every `every` seconds, at multiples of that in UTC."""

    name: str
    job: str
    every: int

    def occurrence(self, now: float) -> int:
        """The start of the occurrence that contains `now`; both are seconds since the epoch."""
        return int(now) // self.every * self.every


TICK_PREFIX = "tick-"
_timetable: dict[str, Schedule] = {}


def use_timetable(schedules: tuple[Schedule, ...]) -> None:
    """Replace this process's timetable with these schedules."""
    _timetable.clear()
    _timetable.update({schedule.name: schedule for schedule in schedules})


def timetable() -> dict[str, Schedule]:
    """The schedules of this process by name."""
    return _timetable


def stage_tick(name: str) -> bool:
    """Stage the current occurrence of the schedule `name`.

    Returns False if the schedule is unknown or the occurrence was staged before.
    """
    schedule = _timetable.get(name)
    if schedule is None or find_job(schedule.job) is None:
        return False
    with transaction():
        return stage(schedule.job, f"{name}@{schedule.occurrence(real_seconds())}") is not None

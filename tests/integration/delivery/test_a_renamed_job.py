"""A renamed job is found by its old names too, and runs once however many releases stage it.

During a rollout, processes of the old release, which know only the old name, share the database and
Redis with the new ones for minutes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from delivery import registry, relay
from delivery.perform_now import perform_now, stage_now
from delivery.registry import JobType, find_job, job, job_names
from delivery.schedule import Schedule, stage_tick, use_timetable
from models.delivery import job_names as names_known
from models.delivery.job_names import names_of
from models.delivery.job_replay import replay_all
from models.delivery.stage import stage, stage_again
from models.delivery.staged_job import StagedJob, cancel_jobs, find_staged
from models.transactions import release_connection, transaction
from tests import given

STAGE_FORTY = """
import sys
from delivery.registry import job
from models.delivery.stage import stage
from models.transactions import database, transaction, use_database
from runtime.settings import get_settings
from tests.running.without_disk import wait_for_no_disk

wait_for_no_disk()
use_database(get_settings().database_url)
database.obj.patience = 120.0  # whoever has the turn may be without CPU

def perform(key):
    pass

perform.__name__, former = sys.argv[1], tuple(sys.argv[2:])
known = job(queue="periodic", calls_out=False, formerly=former)(perform)
for key in range(40):
    with transaction():
        stage(known.name, key, key)
"""


class Release:
    """What a process of one release knows: the job by one name and by its former names."""

    def __init__(self, name: str, formerly: tuple[str, ...], ran: list[str]) -> None:
        self.name, self.formerly, self.ran = name, formerly, ran
        self.jobs: dict[str, JobType] = {}
        self.names: dict[str, tuple[str, ...]] = {}

    def declare(self) -> JobType:
        def perform(key: str) -> None:
            self.ran.append(f"{key} by {self.name}")

        perform.__name__ = self.name
        return job(
            queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=self.formerly
        )(perform)


class Installation:
    """One database and one Redis; the test acts as a process of one release, then of the other."""

    def __init__(self, redis, monkeypatch) -> None:
        self.redis, self._monkeypatch = redis, monkeypatch
        self.ran: list[str] = []
        self.old = Release("sweep_floor", (), self.ran)
        self.new = Release("clean_floor", ("sweep_floor", "broom_floor"), self.ran)

    @contextmanager
    def process_of(self, release: Release) -> Iterator[JobType]:
        """Act as a process of this release."""
        with self._monkeypatch.context() as patch:
            patch.setattr(registry, "_jobs", {})
            patch.setattr(names_known, "_names", {})
            yield release.declare()

    def stage(self, release: Release, key: str = "k") -> int | None:
        with self.process_of(release) as known, transaction():
            return stage(known.name, key, key)

    def stage_again(self, release: Release, key: str = "k") -> None:
        with self.process_of(release) as known, transaction():
            stage_again(known.name, key, key)

    def work(self, release: Release) -> None:
        """Perform the due jobs as a worker of this release does."""
        with self.process_of(release):
            given.make_due()
            StagedJob.update(pushed_at=None).execute()
            relay.tick(self.redis)
            given.worked(self.redis, "periodic")

    def states(self) -> dict[str, str]:
        return {row.name: row.state for row in StagedJob.select()}


@pytest.fixture
def house(database_url, valkey, monkeypatch):
    return Installation(valkey.client(), monkeypatch)


def test_a_renamed_job_is_found_by_every_name_and_listed_by_the_current_one(house):
    with house.process_of(house.new) as known:
        assert [find_job(name) for name in names_of("clean_floor")] == [known] * 3
        assert job_names() == ["clean_floor"]
        assert names_of("sweep_floor") == ("clean_floor", "sweep_floor", "broom_floor")
        assert names_of("deliver_webhook") == ("deliver_webhook",)


def test_a_name_already_used_by_another_job_is_refused(house):
    with house.process_of(house.new):
        for name, formerly in (("dust_floor", ("sweep_floor",)), ("broom_floor", ())):
            with pytest.raises(ValueError, match=r"is a name of job clean_floor"):
                Release(name, formerly, []).declare()
        assert job_names() == ["clean_floor"]


def test_a_job_waiting_under_its_old_name_runs_once_in_the_new_release(house):
    """Given a job waiting under its old name, when the release changes, then it runs once."""
    house.stage(house.old)
    house.work(house.new)
    house.work(house.new)
    assert house.ran == ["k by clean_floor"]
    assert house.states() == {"sweep_floor": "done"}


ORDERS = [("old", "new"), ("new", "old"), ("old", "new", "old"), ("new", "old", "new")]
WORKERS = [("new",), ("old", "new"), ("new", "old"), ("old", "new", "old")]


@pytest.mark.one_database
@pytest.mark.parametrize("workers", WORKERS, ids="-".join)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_job_staged_under_both_names_runs_once(house, order, workers):
    """Whichever release stages or performs it first, it runs once."""
    for release in order:
        house.stage(getattr(house, release))
    for release in (*workers, "new"):
        house.work(getattr(house, release))
    for release in order:
        house.stage(getattr(house, release))
    for release in ("old", "new"):
        house.work(getattr(house, release))
    assert len(house.ran) == 1
    assert {row.state for row in StagedJob.select()} <= {"done", "cancelled"}


def test_each_key_staged_under_both_names_runs_once(house):
    """Given two keys, each staged under both names, then each key's job runs once."""
    house.stage(house.old, "a")
    house.stage(house.new, "b")
    house.stage(house.new, "a")
    house.stage(house.old, "b")
    house.work(house.new)
    assert sorted(house.ran) == ["a by clean_floor", "b by clean_floor"]


def test_an_old_release_worker_leaves_jobs_with_the_new_name_alone(house):
    house.stage(house.new)
    house.work(house.old)
    assert (house.ran, StagedJob.get(StagedJob.name == "clean_floor").attempts) == ([], 0)
    house.work(house.new)
    assert house.ran == ["k by clean_floor"]


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_finished_job_can_be_staged_again_under_any_of_its_names(house, first):
    """Given a finished job, when the new release stages it again, then its row runs again."""
    house.stage(getattr(house, first))
    house.work(house.new)
    for times in (2, 3):
        house.stage_again(house.new)
        house.work(house.new)
        assert len(house.ran) == times
    with house.process_of(house.new), transaction():
        stage_again("broom_floor", "k", "k")
    house.work(house.new)
    assert len(house.ran) == 4
    assert StagedJob.select().where(StagedJob.state == "done").count() == 1


def test_a_job_staged_again_by_the_old_release_runs_again(house):
    """Given a job done under its new name, when the old release stages it again, then it runs
    again.
    """
    house.stage(house.new)
    house.work(house.new)
    house.stage_again(house.old)
    house.work(house.new)
    assert house.ran == ["k by clean_floor"] * 2


def test_schedulers_of_both_releases_stage_an_occurrence_once(house):
    """Given a scheduler of each release, when both tick, then the occurrence is staged once."""
    for release in (house.new, house.old, house.new):
        with house.process_of(release) as known:
            use_timetable((Schedule("sweep-floor", known.name, every=3600),))
            stage_tick("sweep-floor")
    assert [row.state for row in StagedJob.select().order_by(StagedJob.name)].count("waiting") == 1
    assert StagedJob.select().where(StagedJob.name == "clean_floor").count() == 1


def test_a_request_performs_a_job_staged_under_its_old_name(house):
    house.stage(house.old)
    with house.process_of(house.new) as known:
        with transaction():
            job_id = stage_now(known.name, "k", "k")
        assert job_id == find_staged("clean_floor", "k").id
        assert perform_now(job_id).state == "done"
        with transaction():
            assert stage_now(known.name, "k", "k") == job_id
    assert house.ran == ["k by clean_floor"]


def test_a_renamed_job_can_be_cancelled_and_replayed_under_either_name(house):
    house.stage(house.old, "a")
    house.stage(house.new, "b")
    with house.process_of(house.new):
        cancel_jobs("clean_floor", ["a", "b"])
        assert set(house.states().values()) == {"cancelled"}
        StagedJob.update(state="dead").where(StagedJob.last_error.is_null()).execute()
        assert replay_all("cli:test", name="clean_floor") == 2
    house.work(house.new)
    assert sorted(house.ran) == ["a by clean_floor", "b by clean_floor"]


def test_processes_of_both_releases_staging_at_once_stage_each_key_once(house, processes):
    """Given three processes of each release that stage the same forty keys, then each key waits
    once.
    """
    release_connection()
    releases = [("clean_floor", "sweep_floor"), ("sweep_floor",)] * 3
    racers = [processes("-c", STAGE_FORTY, *names) for names in releases]
    assert [racer.wait(240) for racer in racers] == [0] * 6
    waiting = [row.key for row in StagedJob.select().where(StagedJob.state == "waiting")]
    assert sorted(map(int, waiting)) == list(range(40))

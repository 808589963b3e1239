"""A short storm for the suite; `bin/test storm` runs longer ones, also on PostgreSQL."""

import shutil

import pytest

from tests.storm.evidence import leaks
from tests.storm.run import Storm, verdict

SEED, SECONDS = 20261128, 12.0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_storm_loses_nothing_and_does_nothing_twice(tmp_path):
    storm = Storm("sqlite", SEED, SECONDS, tmp_path, quiet_within=200, least=20)
    assert storm.run(), verdict(storm, SECONDS)
    assert sum(one.accepted for one in storm.records.asked) >= 20, (
        "too little was asked for the verdict to mean anything"
    )


class Files:
    """A town's files without its processes."""

    def __init__(self, folder):
        self.folder = self.directory = folder
        self.valkey = self
        (folder / "log").mkdir()

    def files(self):
        return [self.folder / "payphone.db"]


def test_secrets_and_card_numbers_are_found_in_databases_and_logs(tmp_path):
    town = Files(tmp_path)
    (tmp_path / "payphone.db").write_bytes(b"\0key pk_of_the_clinic\0")
    (tmp_path / "log" / "web.log").write_text("charged 4242-4242 4242 4242\n")
    found = leaks(town, town, ["pk_of_the_clinic"])
    shutil.rmtree(tmp_path / "log")  # or the check after the whole suite finds the planted number
    assert {"web.log: card …4242", "payphone.db: pk_of_the…"} <= set(found)

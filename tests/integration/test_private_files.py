"""The files we write are private to their user, whatever the umask; `doctor` finds existing ones
that are not (H11).
"""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bin.commands.checks.files import check_files
from models.transactions import execute, is_postgres, use_database
from runtime.private_files import files_under, modes_under
from runtime.redis.embedded_server import Supervisor
from runtime.settings import ROOT, get_settings
from tests.running.processes import close_database
from tests.running.servers import wait_for

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_installation_is_private(umask, tmp_path):
    """Given any umask, when a database is created and the embedded Valkey starts, then folders are
    0700 and files 0600.
    """
    state = Path(tempfile.mkdtemp(prefix="pp")) / "deep" / "var"  # short: it holds a socket
    url = f"sqlite:///{state}/payphone.db"
    env = os.environ | {"DATABASE_URL": url, "PAYPHONE_STATE_DIR": str(state)}
    migrated = [sys.executable, "-m", "bin.commands", "migrate"]
    subprocess.run(migrated, cwd=ROOT, env=env, umask=umask, check=True, capture_output=True)
    use_database(url)
    execute("CREATE TABLE t (x INTEGER)")
    before, monkeypatch, keeper = os.umask(umask), pytest.MonkeyPatch(), Supervisor()
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(state))
    get_settings.cache_clear()
    try:
        keeper.supervise()
        wait_for((state / "redis" / "valkey.sock").exists, "Valkey is there")
        wait_for(lambda: list(state.rglob("*.aof")), "it writes")
        found = modes_under(state)
        keeper.stop()
    finally:
        os.umask(before)
        monkeypatch.undo()
        get_settings.cache_clear()
        close_database()
    names = {path.name for path in found}
    assert {"payphone.db", "payphone.db-wal", "payphone.db-shm", "valkey.conf", "lock"} <= names
    assert not {str(path): oct(mode) for path, mode in found.items() if mode & 0o077}
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700


def test_doctor_names_files_open_to_others_and_the_command_to_fix_them(
    database_url, tmp_path, monkeypatch
):
    """Given an older folder that others can read, when the command that `doctor` names is run, then
    `doctor` is satisfied.
    """
    state = tmp_path / "a state"
    (state / "log").mkdir(parents=True)
    (state / "log" / "web.log").touch()
    os.chmod(state, 0o755)  # noqa: PTH101
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(state))
    get_settings.cache_clear()
    found = check_files(get_settings())
    assert found.level == "warn"
    assert f"{state} (755)" in found.found
    subprocess.run(found.advice.removeprefix("Run "), shell=True, check=True)
    assert check_files(get_settings()).level == "ok"
    if not is_postgres():
        Path(database_url.removeprefix("sqlite:///")).chmod(0o644)
        assert "payphone.db (644)" in check_files(get_settings()).found


def test_files_that_vanish_during_the_check_are_ignored(tmp_path, monkeypatch):
    """Given a server that replaces its own files and folders, when `doctor` looks, then it judges
    those that remain.
    """
    kept = tmp_path / "kept"
    kept.touch(mode=0o600)
    (tmp_path / "gone").touch(mode=0o644)

    def look_slowly(place):
        for path in list(files_under(place)):
            (tmp_path / "gone").unlink(missing_ok=True)
            yield path

    monkeypatch.setattr("runtime.private_files.files_under", look_slowly)
    assert kept in modes_under(tmp_path)
    assert tmp_path / "gone" not in modes_under(tmp_path)


def test_doctor_reports_an_env_file_that_others_can_read(tmp_path, monkeypatch):
    """Given an `.env` that others can read, then it is named, since it holds every key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(tmp_path / "state"))
    get_settings.cache_clear()
    (tmp_path / ".env").write_text("SETUP_FEE=0")
    (tmp_path / ".env").chmod(0o644)
    found = check_files(get_settings())
    assert (found.level, f"{tmp_path}/.env (644)" in found.found) == ("warn", True)
    assert f"chmod -R go-rwx {tmp_path}/.env" in found.advice
    (tmp_path / ".env").chmod(0o600)
    assert check_files(get_settings()).level == "ok"
    get_settings.cache_clear()

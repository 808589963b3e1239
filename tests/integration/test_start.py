"""A wrong setting is reported once, at the start, in one sentence; the process exits with 1."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runtime.settings import ACCEPTED, ROOT, Settings, get_settings
from runtime.start import check_workers, settings_or_exit
from tests.faults.town import children_of
from tests.running.processes import spawn
from tests.running.servers import wait_for
from web.http.guards.payment_guard import check_settings as check_payments

pytestmark = pytest.mark.slow  # starts processes

COMMANDS = {
    "worker": ("worker.py",),
    "scheduler": ("scheduler.py",),
    "command": ("-m", "bin.commands", "jobs", "list"),
    "migrate": ("-m", "bin.commands", "migrate"),
    "demo": ("-m", "simulation.demo", "--once"),
    "web": ("-m", "gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()"),
}


@pytest.mark.parametrize("process", ["worker", "scheduler", "web"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml'; it takes console or json."),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL is 'localhost:6379'; it takes redis://"),
        ({"REDIS_URL": "redis+sentinel://one"}, "REDIS_URL is 'redis+sentinel://one'; it takes"),
        (
            {"DATABASE_URL": "mysql://db/payphone"},
            "DATABASE_URL is 'mysql://db/payphone'; it takes",
        ),
    ],
)
def test_a_process_does_not_start_with_a_wrong_setting(told, tmp_path, process, wrong, said):
    """LOG_FORMAT is given to new processes, which read settings before they import most of our
    code; the others to forks, which have imported it.
    """
    if "LOG_FORMAT" in wrong:
        ended(tmp_path, process, wrong, said)
    else:
        forked(told, tmp_path, process, wrong, said)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"RATE_PER_KEY": "often"}, "RATE_PER_KEY is 'often'; it takes a rate"),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
    ],
)
def test_web_does_not_start_with_a_wrong_setting(told, tmp_path, wrong, said):
    forked(told, tmp_path, "web", wrong, said)


@pytest.mark.parametrize("program", ["worker", "scheduler", "web.server.gunicorn_conf"])
def test_long_running_processes_load_no_unused_libraries(tmp_path, program):
    """Given SQLite and an external Redis, then neither the PostgreSQL driver, a second Redis client
    nor libraries for terminals, command lines and rq-dashboard are loaded.
    """
    what = ("psycopg", "valkey", "rich", "pygments", "click", "flask")
    names = f"[name for name in {what} if sys.modules.get(name)]"
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {program}, web.app; print({names})"],
        cwd=ROOT,
        env=os.environ
        | {"DATABASE_URL": f"sqlite:///{tmp_path}/payphone.db", "REDIS_URL": "redis://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"


def test_a_command_does_not_start_with_a_wrong_setting(tmp_path):
    ended(
        tmp_path, "command", {"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml'; it takes console or json."
    )


@pytest.mark.parametrize("workers", ["webhooks", "webhooks=many", "webhook=1"])
def test_the_pool_does_not_start_with_wrong_workers(told, tmp_path, workers):
    forked(told, tmp_path, "worker", {"WORKERS": workers}, "WORKERS")


# Wrong values of every setting that does not take any text.
WRONG = {
    "database_url": [
        "mysql://db/x",
        "payphone.db",
        "sqlite://payphone.db",
        "sqlite:///",
        "postgresql://h:abc/x",
    ],
    "redis_url": ["localhost:6379", "redis+sentinel://one", "redis://h:abc", "http://h"],
    "port": ["abc", "-1", "65536", "80.5", "8000 8001"],
    "public_url": ["pay.example", "ftp://pay.example", "https://", "https://h:abc", "https://a b"],
    "stripe_api_base": ["api.stripe.com", "https://[", "http://h:99999"],
    "twilio_api_base": ["api.twilio.com"],
    "vapi_api_base": ["api.vapi.ai"],
    "google_api_base": ["googleapis.com"],
    "open_dental_api_base": ["api.opendental.com"],
    "nexhealth_api_base": ["nexhealth.info"],
    "setup_fee": ["9900", "usd", "-1 usd", "99.00 usd", "9900 dollars", "0 usd"],
    "forwarding_test_number": ["5550100001", "+1 555 010 0001", "us"],
    "workers": ["webhooks", "webhooks=many", "webhook=1", "webhooks=-1", "-1", "2.5", "webhooks="],
    "log_format": ["xml"],
    "log_level": ["LOUD", "10"],
    "payphone_env": ["staging"],
    "payphone_business_shift": ["soon", "nan", "inf"],
    "payphone_business_clock": ["no/such/file", "/", "README.md"],
    "payphone_lease": ["long", "0", "-1", "nan"],
    "payphone_lock_lease": ["long", "0"],
    "payphone_text_deadline": ["late", "-1"],
    "payphone_provider_timeout": ["short", "0"],
    "payphone_settling": ["a while", "-0.1"],
    "trusted_proxies": ["proxy", "10.0.0.0/99"],
    "rate_per_key": ["often", "600"],
    "rate_per_address": ["600/fortnight"],
    "daily_ceilings": ["texts", "texts=many", "faxes=1", "texts=-1", "texts=²"],
    "call_records_days": ["ever", "0", "3651", "1.5"],
    "call_slots": ["many", "0", "1001"],
    "backfill_rate": ["fast", "-1", "inf"],
    "webhooks_to_loopback": ["perhaps"],
}
# Any text can be a key or another party's name; doctor checks their form.
FREE = {
    "payphone_secret_key",
    "operator_password",
    "stripe_secret_key",
    "stripe_publishable_key",
    "stripe_webhook_secret",
    "stripe_connect_webhook_secret",
    "twilio_account_sid",
    "twilio_auth_token",
    "twilio_messaging_service_sid",
    "vapi_api_key",
    "vapi_webhook_secret",
    "vapi_public_key",
    "google_client_id",
    "google_client_secret",
    "oauth_providers",
    "open_dental_developer_key",
    "payphone_state_dir",
    "payphone_kill_at",
}


def test_every_setting_is_tested_with_wrong_values_or_listed_as_free():
    assert set(WRONG) == set(ACCEPTED)
    assert set(WRONG) | FREE == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_wrong_value_is_named_with_what_is_accepted(name, value, monkeypatch, capsys):
    """Given a setting with an impossible value, then the process exits with one sentence: the
    setting, its value, and what it takes.
    """
    monkeypatch.setenv(name.upper(), value)
    get_settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        settings_or_exit(check_workers, check_payments)
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert len(told.strip().splitlines()) == 1
    assert name.upper() in told
    assert value in told
    assert ACCEPTED[name].split(",")[0][:20] in told or "10.0.0.0/8" in told
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "mysql://ada:hunter2@db/x", "hunter2"),
        ("DATABASE_URL", "postgresql://ada:hun@ter2@db:abc/x", "ter2"),
        ("REDIS_URL", "http://:hunter2@h/0", "hunter2"),
        ("PUBLIC_URL", "ftp://ada:hunter2@pay.example", "hunter2"),
    ],
)
def test_a_wrong_url_is_reported_without_its_password(name, value, secret, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(SystemExit):
        settings_or_exit()
    told = capsys.readouterr().err
    assert name in told
    assert secret not in told
    get_settings.cache_clear()


@pytest.mark.parametrize("process", ["worker", "web", "demo"])
def test_an_invalid_port_is_reported(told, tmp_path, process):
    forked(told, tmp_path, process, {"PORT": "abc"}, "PORT is 'abc'; it takes a port from 0")


def test_a_port_in_use_is_reported_in_one_line(tmp_path):
    """Given a port in use, then web exits with one line of advice, without gunicorn's log of its
    retries.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, *COMMANDS["web"]],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert f"{port}). Stop the process that has the port, or set PORT to another." in line


@pytest.mark.parametrize("process", ["worker", "demo", "command"])
def test_an_unreadable_env_file_is_reported(tmp_path, process):
    """Given an `.env` that is not text, then the sentence names it."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    ended(tmp_path, process, {"PYTHONPATH": str(ROOT)}, "The file .env cannot be read", tmp_path)


def in_a_world_where(*commands: str) -> tuple[str, ...]:
    """Return a prefix that runs a command in its own mount namespace; skip the test if this user
    may not mount.
    """
    line = ("unshare", "--mount", "sh", "-c", " && ".join([*commands, 'exec "$@"']), "sh")
    if subprocess.run([*line, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount anything")
    return line


@pytest.mark.parametrize("how", ["ro", "size=4k"])
def test_a_demo_that_cannot_write_says_so(tmp_path, how):
    """Given a folder that is read-only or on a full disk, then the demo exits with one sentence."""
    world = in_a_world_where(
        f"mount -t tmpfs -o size=4k tmpfs {tmp_path}",
        f"dd if=/dev/zero of={tmp_path}/full bs=4k count=1 2>/dev/null",
        f"mount -o remount,{how} {tmp_path}",
    )
    ended(tmp_path, "demo", {}, "Let this user write to", before=world)


def test_a_migration_that_cannot_write_says_so(tmp_path):
    world = in_a_world_where(f"mount -t tmpfs -o ro tmpfs {tmp_path}")
    ended(tmp_path, "migrate", {}, "cannot be created: Read-only file system.", before=world)


def test_web_without_a_writable_temporary_folder_is_reported(tmp_path):
    places = ("/tmp", "/var/tmp", "/usr/tmp", str(ROOT))
    world = in_a_world_where(
        *(
            f"if [ -d {place} ]; then mount --bind {place} {place};"
            f" mount -o remount,bind,ro {place}; fi"
            for place in places
        )
    )
    ended(tmp_path, "web", {}, "No temporary folder is writable", before=world)


def test_a_pool_stays_up_with_read_only_shared_memory_and_state_folder(database_url, capfd):
    """Given a read-only /dev/shm, and a state folder in which the embedded Valkey cannot start,
    then the pool starts its children, reports the problem, and stays.
    """
    state = tempfile.mkdtemp(prefix="pp")  # short: a socket's path has at most 108 bytes
    world = in_a_world_where(
        "mount -t tmpfs -o ro tmpfs /dev/shm", f"mount -t tmpfs -o ro tmpfs {state}"
    )
    pool = subprocess.Popen(
        [*world, sys.executable, "worker.py"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "REDIS_URL"}
        | {"PAYPHONE_STATE_DIR": state, "WORKERS": "webhooks=1"},
    )
    try:
        told = []
        wait_for(
            lambda: (
                told.append(capfd.readouterr().err)
                or "The embedded Valkey is not running" in "".join(told)
            ),
            "it says why",
        )
        wait_for(lambda: len(children_of(pool.pid)) == 2, "relay and worker are there")
        assert "Traceback" not in "".join(told)
        assert pool.poll() is None
    finally:
        pool.terminate()
        pool.wait(120)
        Path(state).rmdir()


def environment(tmp_path, wrong):
    own = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
        "PAYPHONE_STATE_DIR": str(tmp_path),
        "PORT": "0",
    }
    return own | wrong


def forked(told, tmp_path, process, wrong, said):
    """Assert that a fork of a process that has imported our code exits with 1 and one line that
    says `said`, at a fraction of what a new process costs.
    """
    done = spawn(*COMMANDS[process], **environment(tmp_path, wrong))
    assert done.wait(240) == 1, told()
    [line] = told().strip().splitlines()
    assert said in line


def ended(tmp_path, process, wrong, said, cwd=ROOT, before=()):
    """Assert that the process exits with 1 and one line that says `said`."""
    command = COMMANDS[process]
    if cwd != ROOT and command[0].endswith(".py"):
        command = (str(ROOT / command[0]), *command[1:])
    done = subprocess.run(
        [*before, sys.executable, *command],
        cwd=cwd,
        env=os.environ | environment(tmp_path, wrong),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

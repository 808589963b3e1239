"""The sweep after the suite finds what it looks for."""

import contextlib
import hashlib
import shutil
import sqlite3
from types import SimpleNamespace

import pytest

from runtime.ids import new_token
from tests.watching import sweep


@pytest.mark.parametrize(
    "written",
    ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "5555\n5555\n5555\n4444"],
)
def test_a_card_number_is_found_however_it_is_written(written):
    assert len(sweep.traces_in(b"\x00\x01" + written.encode() + b"\xff")) == 1
    assert sweep.traces_in(b"4242424242424241 and order 4242 4242") == []


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("pi_3Q1_secret_abc", "client secret pi_3Q1_sec…"),
        ("seti_1_secret_Ab9", "client secret seti_1_sec…"),
        ("ppop_" + "0a1b2c3d4e5f6g7h8j9k" * 2 + "0a1", "key of ours ppop_"),
        ("pp_" + "0a1b2c3d4e5f6g7h8j9k" * 2 + "0a1", "key of ours pp_"),
        ("sk_live_51Ab", "key of Stripe's sk_live_51…"),
        ("rk_test_51Ab", "key of Stripe's rk_test_51…"),
        ("whsec_MfKQ9r8+/=", "signing secret whsec_MfKQ…"),
        ("postgresql://ada:hunter2@db/x", "password in an address ://ada:hun…"),
        ("ya29.a0AfB_byC1234567890", "token of a clinic's ya29.a0AfB…"),
        ("1//0gAbCdEfGhIjKlMnOpQr", "token of a clinic's 1//0gAbCdE…"),
        ("ODFHIR dev0/cust1", "practice's key ODFHIR dev…"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hzbAv-Bx8v", "JSON web token eyJhbGciOi…"),
        ("ort_0123456789abcdef", "token of a clinic's ort_012345…"),
        ("oat_0123456789abcdef", "token of a clinic's oat_012345…"),
        ("odd_0123456789abcdef", "practice's key odd_012345…"),
        ("odc_0123456789abcdef", "practice's key odc_012345…"),
        ("nxh_0123456789abcdef", "practice's key nxh_012345…"),
        ("redis://:hunter2@h/0", "password in an address ://:hunter…"),
    ],
)
def test_a_secret_is_found_among_other_bytes(written, kind):
    (found,) = sweep.traces_in(b"\x00\xff" + written.encode() + b"\x00\x02")
    assert found.startswith(kind)


@pytest.mark.parametrize(
    "written",
    [
        hashlib.sha256(b"pp_x").hexdigest(),
        "pi_3Q1 and its client_secret",
        "pp_short",
        "pm_card_visa",
        "pk_test_51Ab",
        "postgresql://ada:***@db/x".replace(":***", ""),
        "http://127.0.0.1:8000/p/x?a=b@c",
        "mailto:ada@example.com",
        "tXyaYTRITsu03fUTaK2VvF-ort_FV2Hl7SQzR23Ob88Cqx8N0OQ5ZMTj",  # in encrypted text, by chance
        "tXyaYTRITsu03fUTaK2VvF-nxh_FV2Hl7SQzR23Ob88Cqx8N0OQ5ZMTj",
        "tXyaYTRITsu03fUTaK2VvF+1//0FV2Hl7SQzR23Ob88Cqx8N0OQ5ZMTj",
    ],
)
def test_harmless_text_is_not_reported_as_a_secret(written):
    assert sweep.traces_in(written.encode()) == []


def test_a_sweep_that_finds_no_file_of_database_tests_fails(tmp_path):
    """Given tests that used a database, when the sweep finds no file of theirs, then the session
    fails.
    """
    plugin, session = sweep.Sweep(), SimpleNamespace(exitstatus=0)
    session.config = SimpleNamespace(
        _tmp_path_factory=SimpleNamespace(getbasetemp=lambda: tmp_path)
    )
    plugin.pytest_sessionfinish(session)
    assert (plugin.found, session.exitstatus) == ([], 0)
    plugin.pytest_runtest_logreport(SimpleNamespace(when="call", nodeid="a.py::test[sqlite-x]"))
    plugin.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED


def test_each_database_page_is_searched_once(tmp_path):
    """Given two copies of a database, when a secret that fills several pages is written into the
    second, then only the new pages are searched, and the secret is found in them.
    """
    first, second = tmp_path / "a.sqlite", tmp_path / "b.sqlite"  # names it ignores
    with contextlib.closing(sqlite3.connect(first)) as database, database:
        database.execute("CREATE TABLE letter (text)")
        database.executemany("INSERT INTO letter VALUES (?)", [["long " * 900]] * 50)
    shutil.copy(first, second)
    with contextlib.closing(sqlite3.connect(second)) as database, database:
        database.execute("INSERT INTO letter VALUES (?)", ["word " * 2_000 + "pi_1_secret_x"])
    seen: set[bytes] = set()
    assert sweep.traces_in(sweep.unseen(first.read_bytes(), seen)) == []
    assert not sweep.unseen(first.read_bytes(), seen)
    beside = sweep.unseen(second.read_bytes(), set(seen), first.read_bytes())
    new = sweep.unseen(second.read_bytes(), seen)
    assert beside == new
    assert sweep.traces_in(new) == sweep.traces_in(second.read_bytes()) != []
    assert len(new) < first.stat().st_size / 2


def test_a_file_that_is_no_database_is_searched_as_a_whole():
    seen: set[bytes] = set()
    assert [sweep.unseen(b"a log", seen) for _ in range(2)] == [b"a log"] * 2
    assert not seen


def test_kept_files_are_searched(tmp_path):
    source = tmp_path / "server"
    (source / "appendonlydir").mkdir(parents=True)
    (source / "appendonlydir" / "a.aof").write_bytes(b"set x")
    (source / "socket.sock").write_bytes(b"")
    sqlite3.connect(source / "payphone.db").close()
    sweep.keep(source, tmp_path)
    assert {path.name for path in sweep.files(tmp_path / "left")} == {"a.aof", "payphone.db"}


def test_a_freshly_created_key_is_found():
    for prefix in ("pp_", "ppop_"):
        assert sweep.traces_in(new_token(prefix).encode())

"""The sweep after the suite finds what it looks for."""

import sqlite3

import pytest

from tests import sweep


@pytest.mark.parametrize(
    "written",
    ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "5555\n5555\n5555\n4444"],
)
def test_a_card_number_is_found_however_it_is_written(tmp_path, written):
    path = tmp_path / "planted.txt"  # not one of the files that are looked through after the suite
    path.write_bytes(b"\x00\x01" + written.encode() + b"\xff")
    assert len(sweep.cards_in(path)) == 1
    path.write_text("4242424242424241 and order 4242 4242")
    assert sweep.cards_in(path) == []


def test_what_is_kept_is_looked_through(tmp_path):
    source = tmp_path / "server"
    (source / "appendonlydir").mkdir(parents=True)
    (source / "appendonlydir" / "a.aof").write_bytes(b"set x")
    (source / "socket.sock").write_bytes(b"")
    sqlite3.connect(source / "payphone.db").close()
    sweep.keep(source, tmp_path)
    assert {path.name for path in sweep.files(tmp_path / "left")} == {"a.aof", "payphone.db"}

"""`bin/bench` without a command runs the comparison with peers, as the interface promises."""

from click.testing import CliRunner

from bench.__main__ import bench
from bench.quick import quick


def test_bench_without_a_command_compares_with_peers(monkeypatch):
    measured = []
    monkeypatch.setattr(quick, "callback", lambda **_options: measured.append("quick"))
    assert CliRunner().invoke(bench, []).exit_code == 0
    assert measured == ["quick"]
    assert "growth" in CliRunner().invoke(bench, ["--help"]).output
    assert measured == ["quick"]

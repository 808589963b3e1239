"""With `--few`, the first case of each function runs, and no other."""

from types import SimpleNamespace

from tests.few_cases import FewCases


def test_the_first_case_of_each_function_runs():
    names = ["a.py::test_shut[sqlite-1]", "a.py::test_shut[sqlite-2]", "a.py::test_open"]
    names += ["b.py::test_shut[x]", "b.py::test_shut[y]"]
    items, left_out = [SimpleNamespace(nodeid=name) for name in names], []
    hook = SimpleNamespace(pytest_deselected=lambda **told: left_out.extend(told["items"]))
    FewCases().pytest_collection_modifyitems(SimpleNamespace(hook=hook), items)
    assert [item.nodeid for item in items] == [names[0], names[2], names[3]]
    assert [item.nodeid for item in left_out] == [names[1], names[4]]

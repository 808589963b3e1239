"""Which differences are edits by hand, and which come from how the provider stores objects."""

import pytest

from rules.deployment.drift import drift

SENT = {
    "firstMessage": "Hello",
    "model": {
        "provider": "openai",
        "messages": [{"role": "system"}],
        "tools": [],
        "toolIds": ["t"],
    },
    "hooks": [{"on": "x"}, {"on": "y"}],
}


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({}, []),
        ({"id": "a-1", "createdAt": "2026"}, []),
        ({"model": SENT["model"] | {"temperature": 1}}, []),
        ({"model": {name: SENT["model"][name] for name in SENT["model"] if name != "tools"}}, []),
        ({"firstMessage": "Hi"}, ["firstMessage"]),
        ({"firstMessage": None}, ["firstMessage"]),
        ({"model": None}, ["model"]),
        ({"model": SENT["model"] | {"toolIds": []}}, ["model.toolIds"]),
        ({"model": SENT["model"] | {"tools": [{"type": "endCall"}]}}, ["model.tools"]),
        ({"hooks": [{"on": "x"}]}, ["hooks"]),
        ({"hooks": [{"on": "y"}, {"on": "x"}]}, ["hooks"]),
        ({"hooks": [{"on": "x", "name": "n"}, {"on": "y"}]}, []),
    ],
)
def test_drift_is_reported_by_its_path(change, paths):
    assert drift(SENT, SENT | change) == paths


@pytest.mark.parametrize(("sent", "found"), [(False, None), (0, None), (False, 0.5), (1, 2)])
def test_false_and_zero_differ_from_a_missing_value(sent, found):
    assert drift({"recorded": sent}, {"recorded": found}) == ["recorded"]

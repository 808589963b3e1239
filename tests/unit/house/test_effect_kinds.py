"""Every kind of effect declares all that must be known of it, in one place."""

import importlib
from pathlib import Path

import pytest

import effects
from delivery.registry import find_job
from effects.kind import Kind
from effects.kinds import KINDS
from models.effects.effect import Effect
from runtime.settings import ROOT

NAMES = [kind.name for kind in KINDS]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMES)


def test_every_kind_in_the_room_is_known_by_its_name():
    """Given a kind in any file of effects/, then KINDS has it, and its constant is its name in
    capitals.
    """
    found = {}
    for path in Path(effects.__file__).parent.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found |= {
            called: value
            for called, value in vars(importlib.import_module(name)).items()
            if isinstance(value, Kind) and not called.startswith("_")
        }
    assert {name: id(kind) for name, kind in found.items()} == {
        kind.name.upper(): id(kind) for kind in KINDS
    }
    assert len(NAMES) == len(set(NAMES))


def test_a_kind_that_leaves_something_out_cannot_be_made():
    with pytest.raises(TypeError, match="recorded_by"):
        Kind(name="x", provider="stripe")


@each_kind
def test_a_job_records_what_becomes_of_it(kind):
    assert find_job(kind.recorded_by) is not None


@each_kind
def test_what_undoes_it_is_a_kind_too(kind):
    assert kind.undone_by is None or kind.undone_by in NAMES


@pytest.mark.parametrize(
    ("name", "key", "job_key"),
    [
        ("refund", "refund:rfq_1", "rfq_1"),
        ("intent_cancel", "intent_cancel:att_1:2", "att_1"),
        ("session_expire", "session_expire:lnk_1:cs_1:3", "lnk_1"),
        ("text", "text:msg_1:2", "msg_1:2"),
    ],
)
def test_its_job_is_found_by_the_key(name, key, job_key):
    (kind,) = (kind for kind in KINDS if kind.name == name)
    assert kind.job_key(Effect(kind=name, key=key)) == job_key

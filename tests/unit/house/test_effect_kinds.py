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


def test_every_kind_in_effects_is_listed_under_its_name():
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


def test_a_kind_with_a_missing_field_cannot_be_created():
    with pytest.raises(TypeError, match="recorded_by"):
        Kind(name="x", provider="stripe")


@each_kind
def test_each_kind_names_an_existing_job_that_records_its_outcome(kind):
    assert find_job(kind.recorded_by) is not None


@each_kind
def test_each_kind_is_undone_by_another_kind_or_none(kind):
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
def test_a_kinds_job_key_is_derived_from_the_effects_key(name, key, job_key):
    (kind,) = (kind for kind in KINDS if kind.name == name)
    assert kind.job_key(Effect(kind=name, key=key)) == job_key

"""Every decision that costs money runs behind the guard, shown at run time by a card that becomes
invalid at any moment of a deployment. `tests/unit/house/test_one_guard` reads from the code that no
decision is left out.
"""

import pytest

from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now
from runtime.settings import get_settings
from tests import given
from tests.faults.effects.spending import FEE, goes_live
from tests.unit.house.test_one_guard import DECIDES

MOST = 20  # jobs; more than precede the last of these decisions
WAYS = {
    "forwarded": {"fee_confirm", "number_purchase"},
    "ported": {"fee_confirm", "port_request_create"},
}


def decided(clinic):
    """Return the costly decisions taken so far: kinds of effects, and a line's purchase."""
    kinds = {row.kind for row in Effect.select().where(Effect.account_id == clinic.account.id)}
    return (kinds & set(DECIDES)) | ({"number_purchase"} if clinic.line is not None else set())


def deploying(texting, way):
    clinic = goes_live(texting.another_clinic())
    if way == "ported":
        clinic.configures_port()
    answer = clinic.deploys(cost=FEE)
    assert answer.status_code == 202, answer.text
    return clinic


@pytest.mark.parametrize("way", WAYS)
def test_card_that_becomes_invalid_at_any_moment_stops_further_spending(
    texting, voice, monkeypatch, way
):
    """Given a card that becomes invalid before the first, second or any later job of a deployment,
    then no further costly decision is taken; with a valid card, all of them are.
    """
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    seen = []
    for before in range(MOST):
        clinic = deploying(texting, way)
        for _ in range(before):
            given.make_due()
            given.relayed(clinic.redis)
            given.worked(clinic.redis, "deploys", rounds=1)
        had = decided(clinic)
        with transaction():
            Setup.locked_for(clinic.account.id, real_now()).record(
                real_now(), payment_method_verified=False
            )
        clinic.works(3)
        assert decided(clinic) == had, f"after {before} jobs"
        seen.append(had)
        if had >= WAYS[way]:
            break
    assert seen[0] == set()
    assert seen[-1] >= WAYS[way]


def test_every_costly_kind_of_effect_is_covered_here():
    assert set.union(*WAYS.values()) == set(DECIDES)

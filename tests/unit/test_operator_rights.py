"""An operator's rights: each scope includes those before it; accounts can be limited."""

import pytest

from rules.operator_rights import SCOPES, Rights

SOME = frozenset({"ac_1", "ac_2"})


@pytest.mark.parametrize("held", SCOPES)
@pytest.mark.parametrize("needed", SCOPES)
def test_a_scope_includes_those_before_it(held, needed):
    right = Rights(held).missing_right(needed)
    assert (right is None) == (SCOPES.index(held) >= SCOPES.index(needed))
    if right is not None:
        assert right.missing == needed
        assert needed in right.reason
        assert held in right.reason


def test_an_operator_without_an_account_limit_may_see_every_account():
    assert Rights("view").missing_right("view", "ac_3") is None
    assert Rights("view").missing_right("view") is None


@pytest.mark.parametrize(
    ("account", "missing"), [("ac_1", None), ("ac_3", "ac_3"), (None, "all_accounts")]
)
def test_a_limited_operator_may_act_only_on_the_listed_accounts(account, missing):
    right = Rights("act", SOME).missing_right("act", account)
    assert (right.missing if right else None) == missing


def test_an_empty_account_limit_excludes_every_account():
    assert Rights("admin", frozenset()).missing_right("view", "ac_1") is not None

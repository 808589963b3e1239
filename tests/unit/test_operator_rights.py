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


def test_without_a_limit_every_account_is_included():
    assert Rights("view").missing_right("view", "ac_3") is None
    assert Rights("view").missing_right("view") is None


@pytest.mark.parametrize(
    ("account", "missing"), [("ac_1", None), ("ac_3", "ac_3"), (None, "all_accounts")]
)
def test_with_a_limit_only_those_accounts_are(account, missing):
    right = Rights("act", SOME).missing_right("act", account)
    assert (right.missing if right else None) == missing


def test_no_account_at_all_is_not_every_account():
    assert Rights("admin", frozenset()).missing_right("view", "ac_1") is not None

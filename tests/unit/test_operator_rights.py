"""An operator's rights: each scope includes those before it, and some accounts are not all."""

import pytest

from rules.operator_rights import SCOPES, Rights

SOME = frozenset({"ac_1", "ac_2"})


@pytest.mark.parametrize("held", SCOPES)
@pytest.mark.parametrize("needed", SCOPES)
def test_a_scope_includes_those_before_it(held, needed):
    lack = Rights(held).lack(needed)
    assert (lack is None) == (SCOPES.index(held) >= SCOPES.index(needed))
    if lack is not None:
        assert lack.missing == needed
        assert needed in lack.reason
        assert held in lack.reason


def test_without_a_limit_every_account_is_included():
    assert Rights("view").lack("view", "ac_3") is None
    assert Rights("view").lack("view") is None


@pytest.mark.parametrize(
    ("account", "missing"), [("ac_1", None), ("ac_3", "ac_3"), (None, "all_accounts")]
)
def test_with_a_limit_only_those_accounts_are(account, missing):
    lack = Rights("act", SOME).lack("act", account)
    assert (lack.missing if lack else None) == missing


def test_no_account_at_all_is_not_every_account():
    assert Rights("admin", frozenset()).lack("view", "ac_1") is not None

"""A worker may die around the call that renews or revokes a credential: no two processes call at
the same time, a consent lost by it is reported, and a disconnected credential is revoked.
"""

from datetime import timedelta

import pytest

from actions.integrations.credentials import opened
from jobs.refresh_integrations import refresh_integration
from jobs.revoke_integration import revoke_integration
from models.integrations.integration import Integration
from providers.oauth import authorization
from runtime.clock import real_now
from runtime.errors import NotYet

PLACES = ["before", "after"]


class Killed(BaseException):
    """The process has died; nothing after this line runs."""


@pytest.fixture
def dies(monkeypatch):
    """Make the next call of an OAuth function die before or after the real call, once."""

    def order(place, name):
        real = getattr(authorization, name)
        left = [1]

        def call(*args):
            if not left:
                return real(*args)
            left.pop()
            if place == "after":
                real(*args)
            raise Killed

        monkeypatch.setattr(authorization, name, call)

    return order


def is_due(row, **more):
    """Make the credential due for renewal."""
    row.record(real_now(), expires_at=real_now() + timedelta(minutes=1), **more)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rotates", [True, False])
def test_a_crashed_renewal_is_completed_or_its_lost_consent_is_reported(
    clinic, dies, place, rotates
):
    """Given a worker that dies while it renews, then no other worker calls until its lease has
    expired; the next one then renews. Only if a rotated refresh token was lost is the integration
    `expired`, and that is reported.
    """
    server = clinic.server("dentos")
    server.habits.rotates = rotates
    row = clinic.connects("dentos")
    before = opened(row)
    is_due(row)
    dies(place, "refresh")
    with pytest.raises(Killed):
        refresh_integration.perform(row.id)
    asked = len(clinic.asked("oauth", "/oauth/token"))
    with pytest.raises(NotYet):
        refresh_integration.perform(row.id)
    assert len(clinic.asked("oauth", "/oauth/token")) == asked
    assert opened(clinic.row("dentos")) == before
    clinic.row("dentos").record(real_now(), renewing_until=real_now() - timedelta(seconds=1))
    refresh_integration.perform(row.id)
    if rotates and place == "after":
        assert clinic.shown("dentos")["state"] == "expired"
        assert [kind for kind, _ in clinic.told()] == ["integration.expired"]
    else:
        assert clinic.shown("dentos")["state"] == "connected"
        assert opened(clinic.row("dentos"))["access"] in server.access
        assert clinic.told() == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("provider", ["google", "dentos"])
def test_a_crashed_revocation_is_repeated(clinic, dies, place, provider):
    """Given a worker that dies while it revokes a credential, then the credential is kept until the
    next worker has revoked it, and the clinic has nothing to do by hand.
    """
    row = clinic.connects(provider)
    clinic.ask("DELETE", f"/integrations/{provider}")
    dies(place, "revoke")
    with pytest.raises(Killed):
        revoke_integration.perform(row.id)
    assert Integration.get_by_id(row.id).to_be_revoked
    clinic.works()
    assert clinic.server(provider).grants == {}
    assert (clinic.row(provider).sealed, clinic.row(provider).error) == ("", "")


@pytest.mark.parametrize("rotates", [True, False])
def test_a_renewal_without_an_answer_before_a_revocation(clinic, dies, rotates):
    """Given a worker that dies while it renews a credential, when the clinic disconnects, then it
    is told to look at the provider, where a new refresh token may be valid that nobody knows.
    """
    row = clinic.connects("dentos")
    clinic.server("dentos").habits.rotates = rotates
    is_due(row)
    dies("after", "refresh")
    with pytest.raises(Killed):
        refresh_integration.perform(row.id)
    clinic.ask("DELETE", "/integrations/dentos")
    Integration.get_by_id(row.id).record(
        real_now(), renewing_until=real_now() - timedelta(seconds=1)
    )
    clinic.works()
    assert len(clinic.server("dentos").grants) == int(rotates)
    row = Integration.get_by_id(row.id)
    assert (row.sealed, "dentos" in row.error.lower() and "by hand" in row.error) == ("", True)

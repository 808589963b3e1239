"""Whoever renews a credential, or takes one back, may die around the call: nobody asks twice at the
same time, a consent that is lost by it is told, and what was disconnected is taken back.
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
    """The process is gone: nothing after this line ran."""


@pytest.fixture
def dies(monkeypatch):
    """Lets whoever calls this of an OAuth server die before the call, or after it, once."""

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
    """Its time has come."""
    row.record(real_now(), expires_at=real_now() + timedelta(minutes=1), **more)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rotates", [True, False])
def test_a_renewal_that_dies_is_done_by_the_next_or_told(clinic, dies, place, rotates):
    """Given a worker that dies as it renews, then nobody else asks while it might be at work; the
    next one goes on. Only where the refresh token was burnt is the consent over, and that is told.
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
def test_a_revocation_that_dies_is_told_again(clinic, dies, place, provider):
    """Given a worker that dies as it takes a credential back, then the credential is kept until the
    next one has heard that it is away, and nobody has to do anything by hand.
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

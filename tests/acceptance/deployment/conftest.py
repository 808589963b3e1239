"""A clinic that goes live."""

import pytest

from tests.deploying import Deploying


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice):
    """A clinic that has configured its number and added a card, but not deployed."""
    return Deploying(client, valkey.client(), twilio_stand_in, voice).configures().has_card()

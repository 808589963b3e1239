"""Fixtures: a clinic that goes live."""

import pytest
from structlog.testing import CapturingLogger

from actions.deployment import progress
from actions.deployment.card import save_card
from actions.deployment.configuration import configure
from actions.deployment.numbers import number
from actions.deployment.steps import number as number_step
from actions.deployment.steps import preflight
from tests.stories.deploying import Deploying
from web.deployment import numbers


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice):
    """A clinic that has configured its number and added a card, but has not deployed."""
    return Deploying(client, valkey.client(), twilio_stand_in, voice).configures().has_card()


@pytest.fixture
def told(monkeypatch):
    """The lines logged while going live, in order."""
    logger = CapturingLogger()
    for module in (configure, number, number_step, numbers, preflight, progress, save_card):
        monkeypatch.setattr(module, "log", logger)
    return logger

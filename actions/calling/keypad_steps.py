"""Staging the steps of a card that is typed on the keypad."""

from models.calling.keypad_session import KeypadSession
from models.delivery.stage import stage
from runtime.settings import INTERACTIVE

JOB = "enter_card"


def key_of(session: KeypadSession, step: str) -> str:
    """The key of a step: a piece that is typed again is another step."""
    return f"{session.id}:{step}:{session.mistakes}"


def stage_step(session: KeypadSession, step: str) -> None:
    """Stage a step for whoever is first: the caller waits."""
    of_step = (session.id, step, session.mistakes)
    key, whose = key_of(session, step), session.account_id
    stage("enter_card", key, *of_step, fair_to=whose, queue=INTERACTIVE)

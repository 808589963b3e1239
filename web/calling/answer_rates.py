"""How often the clinic's calls are answered, by number and hour."""

from datetime import timedelta
from typing import Self

import falcon
from pydantic import BaseModel, Field

from models.reports.answer_rates import AnswerRate, answer_rates
from runtime.clock import business_now
from web.accounts.accounts import account_of
from web.http.lists import number_of
from web.http.responses import Shown
from web.openapi.openapi import documented

DAYS = 30


class AnswerRateShown(Shown):
    """One hour of the account's day: the calls that rang, and how many a person answered."""

    number: str
    hour: int
    calls: int
    answered: int
    rate: float


class AnswerRatesShown(Shown):
    """Answer rates of the last `days`, by number and hour."""

    days: int
    rates: list[AnswerRateShown]

    @classmethod
    def of_rates(cls, days: int, rates: list[AnswerRate]) -> Self:
        """The answer."""
        return cls(days=days, rates=[AnswerRateShown.of(each) for each in rates])


class DaysQuery(BaseModel):
    """The window of the rates."""

    days: int = Field(
        default=DAYS, ge=1, le=365, description="How many days back the window begins."
    )


class AnswerRates:
    """`/api/accounts/{account_id}/answer-rates`"""

    @documented("Calls", {200: AnswerRatesShown}, query=DaysQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """How often calls from each number are answered, by hour; `?days=` from 1 to 365."""
        account = account_of(req, account_id)
        days = number_of(req, "days", DAYS, 1, 365)
        rates = answer_rates(account, business_now() - timedelta(days=days))
        resp.media = AnswerRatesShown.of_rates(days, rates).document()

"""How clinics get from signing up to a live receptionist (F114–F118); see docs/metrics.md."""

from typing import Self

import falcon
from pydantic import BaseModel, Field

from models.reports.going_live import DAYS, GoingLive, Rate, count_going_live
from web.http.guards.auth import Caller, caller_of, need
from web.http.lists import number_of
from web.http.responses import Shown
from web.openapi.openapi import documented

MOST_DAYS = 3650


class WindowQuery(BaseModel):
    """The window of the figures."""

    days: int = Field(
        default=DAYS, ge=1, le=MOST_DAYS, description="How many days back the window begins."
    )


class RateShown(Shown):
    """A share: `rate` is numerator by denominator, null if the denominator is 0."""

    numerator: int
    denominator: int
    rate: float | None


class TimeShown(Shown):
    """An average over `count` clinics, in seconds; null if there are none."""

    count: int
    average_seconds: float | None


class MetricsShown(Shown):
    """Figures of clinics that signed up, and of numbers requested, in the last `days`."""

    days: int
    configuration_completion_rate: RateShown
    payment_conversion_rate: RateShown
    deployment_success_rate: RateShown
    phone_purchase_success_rate: RateShown
    time_to_deploy: TimeShown

    @classmethod
    def of_figures(cls, days: int, figures: GoingLive) -> Self:
        """The answer about these figures."""
        return cls(
            days=days,
            configuration_completion_rate=_rate(figures.configuration_completion),
            payment_conversion_rate=_rate(figures.payment_conversion),
            deployment_success_rate=_rate(figures.deployment_success),
            phone_purchase_success_rate=_rate(figures.phone_purchase_success),
            time_to_deploy=TimeShown(
                count=figures.went_live, average_seconds=figures.seconds_to_deploy
            ),
        )


class FinanceMetrics:
    """`/api/finance/metrics`"""

    @documented("Finance", {200: MetricsShown}, query=WindowQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Figures of the caller's account, or of all clinics for an operator who names none."""
        days = number_of(req, "days", DAYS, 1, MOST_DAYS)
        figures = count_going_live(_account_filter(caller_of(req)), days)
        resp.media = MetricsShown.of_figures(days, figures).document()


def _account_filter(caller: Caller) -> str | None:
    if caller.account is None and caller.rights is not None:
        need(caller.rights, "view")
        return None
    return caller.own.id


def _rate(rate: Rate) -> RateShown:
    return RateShown.of(rate)

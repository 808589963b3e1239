"""What going live costs, and which numbers are available, before anything is paid."""

from typing import Annotated

import falcon
from pydantic import Field

from actions.deployment.configuration.costs import numbers_to_choose_from, preview_costs
from web.accounts.accounts import account_of
from web.deployment.responses import (
    AvailableNumbers,
    AvailableNumberShown,
    CapabilitiesShown,
    CostPreview,
    MonthlyCost,
    PriceShown,
)
from web.http.body import Body, check
from web.http.fields import AreaCode
from web.openapi.openapi import documented

PROBLEMS = ("provider_unavailable", "provider_refused", "not_configured")


class NumberQuery(Body):
    """Which numbers to search for; any if empty."""

    area_code: AreaCode | None = None
    contains: Annotated[str, Field(pattern=r"^[0-9A-Za-z*]{2,16}$")] | None = None
    locality: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class AvailableNumbersOf:
    """`/api/accounts/{account_id}/available-numbers`"""

    @documented("Wizard", {200: AvailableNumbers}, query=NumberQuery, problems=PROBLEMS)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Numbers to choose from, at most twenty. A search reserves nothing."""
        account_of(req, account_id)
        wanted = check(NumberQuery, dict(req.params))
        numbers, price = numbers_to_choose_from(
            area_code=wanted.area_code or "",
            contains=wanted.contains or "",
            locality=wanted.locality or "",
        )
        monthly = PriceShown.of(price) if price else None
        resp.media = AvailableNumbers(
            data=[
                AvailableNumberShown.of(
                    each,
                    phone_number=each.e164,
                    monthly=monthly,
                    capabilities=CapabilitiesShown.of(each),
                )
                for each in numbers
            ]
        ).document()


class CostPreviewOf:
    """`/api/accounts/{account_id}/cost-preview`"""

    @documented("Wizard", {200: CostPreview}, problems=PROBLEMS)
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """What Deploy charges now, and the provider's monthly costs, which are not charged here."""
        costs = preview_costs(account_of(req, account_id))
        resp.media = CostPreview(
            due_now=PriceShown.of(costs.due_now),
            monthly=[MonthlyCost.of(each.price, what=each.what) for each in costs.monthly],
            notes=costs.notes,
        ).document()

"""How calls reach the receptionist: can be saved at any time, in any order, without a payment."""

from typing import Annotated, Literal

import falcon
from pydantic import Field

from actions.deployment.configuration.configure import (
    choose_forwarded,
    choose_none,
    choose_ported,
    choose_sip,
)
from models.deployment.setup import Setup
from rules.deployment.setup_messages import SAVED
from web.accounts.accounts import account_of
from web.deployment.responses import PhoneSaved, SipCredentials, SipSaved
from web.http.body import Body, check, read_json
from web.http.fields import AreaCode, Day, Email, Id, Name, Phone
from web.http.guards.auth import caller_of
from web.openapi.openapi import documented

Code = Annotated[str, Field(min_length=1, max_length=40)]  # as carriers assign them


class ServiceAddress(Body):
    """The clinic's address, for emergency services and for the carriers of a port."""

    line1: Name
    line2: Annotated[str, Field(max_length=200)] | None = None
    city: Name
    state: Annotated[str, Field(min_length=1, max_length=100)]
    postal_code: Annotated[str, Field(min_length=1, max_length=20)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166.")] = "US"


class Forwarded(Body):
    """The clinic forwards its number to one that Deploy buys: `phoneNumber`, or one in `areaCode`.
    `serviceAddress` is for emergency calls from it; at `transferNumber` a person answers.
    """

    business_name: Name
    clinic_number: Phone
    area_code: AreaCode | None = None
    phone_number: Phone | None = None
    transfer_number: Phone | None = None
    service_address: ServiceAddress | None = None


class Ported(Body):
    """The clinic's number is ported to us. Deploy requires fields that are optional here; the
    account's `missing` says which.
    """

    phone_number: Phone
    current_carrier: Name
    account_number: Code | None = None
    pin: Code | None = None
    customer_type: Literal["Business", "Individual"] | None = None
    authorized_representative: Name | None = None
    authorized_representative_email: Email | None = None
    service_address: ServiceAddress | None = None
    document_id: Id | None = None
    target_date: Day | None = None


class Sip(Body):
    """Calls arrive by SIP. `clinicNumber` is the number whose calls the clinic's phone system sends
    to the trunk; no number is bought.
    """

    business_name: Name | None = None
    clinic_number: Phone | None = None


class Nothing(Body):
    """Empty body."""


class ForwardedPhone:
    """`/api/accounts/{account_id}/phone/forwarded`"""

    @documented("Wizard", {200: PhoneSaved}, body=Forwarded)
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Choose forwarding. Nothing is bought before Deploy."""
        account, wanted = account_of(req, account_id), check(Forwarded, read_json(req))
        setup = choose_forwarded(account, _choices(wanted), caller_of(req).actor)
        resp.media = _saved(setup).document()


class PortedPhone:
    """`/api/accounts/{account_id}/phone/ported`"""

    @documented("Wizard", {200: PhoneSaved}, body=Ported, problems=("not_configured",))
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Choose to port the clinic's number.

        Its carrier is not contacted before Deploy. The PIN is stored encrypted and never shown.
        """
        account, wanted = account_of(req, account_id), check(Ported, read_json(req))
        setup = choose_ported(account, _choices(wanted), caller_of(req).actor)
        resp.media = _saved(setup).document()


class SipPhone:
    """`/api/accounts/{account_id}/phone/sip`"""

    @documented("Wizard", {200: SipSaved}, body=Sip, problems=("not_configured",))
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Choose SIP.

        The answer has the credentials; the password is stored encrypted and never shown again.
        Repeating the request keeps address and username, and makes a new password.
        """
        account, wanted = account_of(req, account_id), check(Sip, read_json(req))
        setup, credentials = choose_sip(account, _choices(wanted), caller_of(req).actor)
        resp.media = SipSaved(
            **dict(_saved(setup)), sip_credentials=SipCredentials.model_validate(credentials)
        ).document()


class NoPhone:
    """`/api/accounts/{account_id}/phone/none`"""

    @documented("Wizard", {200: PhoneSaved}, body=Nothing)
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Choose no number: the receptionist can be tried in writing, but takes no calls."""
        account, _ = account_of(req, account_id), check(Nothing, read_json(req))
        resp.media = _saved(choose_none(account, caller_of(req).actor)).document()


def _choices(wanted: Body) -> dict[str, object]:
    """The fields that were given, under the names by which they are stored."""
    return wanted.model_dump(mode="json", by_alias=True, exclude_none=True)


def _saved(setup: Setup) -> PhoneSaved:
    method = str(setup.phone_integration_method)
    return PhoneSaved(
        message=SAVED[method],
        phone_integration_method=method,
        phone_integration_settings=setup.shown_settings or {},
    )

"""The API's answers about setting up and going live, as models."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from models.accounts.account import Account
from models.deployment.deployment import Deployment
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.integrations.integration import Integration
from rules.deployment.readiness import (
    Configured,
    missing_for_deploy,
    review_message,
    steps_of,
)
from web.accounts.responses import AccountShown
from web.deployment.deployment_responses import DeploymentShown
from web.http.responses import Shown, left_out_if_none

SettingsShape = dict[str, Any]


class VoiceShown(Shown):
    """The receptionist's voice, as Vapi names it."""

    provider: str
    voice_id: str


class VoiceSaved(Shown):
    """The voice was saved."""

    success: Literal[True] = True
    message: str
    voice: VoiceShown


class PhoneSaved(Shown):
    """How calls arrive was saved; nothing was bought."""

    success: Literal[True] = True
    message: str
    phone_integration_method: str
    phone_integration_settings: SettingsShape


class SipCredentials(Shown):
    """What the clinic's phone system signs in with. The password is shown only now."""

    sip_url: str
    username: str
    password: str


class SipSaved(PhoneSaved):
    """SIP was saved."""

    sip_credentials: SipCredentials


class CardShown(Shown):
    """The card of the payment method, as far as it may be shown."""

    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None

    @classmethod
    def of_setup(cls, setup: Setup | None) -> Self | None:
        """The card that was saved last; None without one."""
        if setup is None or not setup.card:
            return None
        names = ("brand", "last4", "expMonth", "expYear")
        brand, last4, month, year = (setup.card.get(name) for name in names)
        return cls(brand=brand, last4=last4, exp_month=month, exp_year=year)


class SetupIntentShown(Shown):
    """A card form: Stripe.js takes the client secret, which is not stored here."""

    setup_intent_id: str
    client_secret: str


class CardSaved(Shown):
    """The account's card was saved."""

    success: Literal[True] = True
    stripe_payment_method_id: str
    payment_method_verified: bool
    payment_method_verified_at: datetime
    card: CardShown | None

    @classmethod
    def of_setup(cls, setup: Setup) -> Self:
        """The answer about a setup with a verified card."""
        return cls.of(setup, success=True, card=CardShown.of_setup(setup))


class WizardStep(Shown):
    """The state of one step of the wizard. `missing`: what Deploy still needs from it; `warning`,
    if there is one: what else to consider.
    """

    complete: bool
    message: str
    missing: list[str]
    warning: str | None = left_out_if_none()


class KnowledgeFileShown(Shown):
    """A file that the receptionist answers from. `state`: waiting, processing, done, failed."""

    id: str
    name: str
    content_type: str
    size: int
    state: str
    error: str | None = left_out_if_none()
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of_row(cls, row: KnowledgeFile) -> Self:
        """The file; without `error` if nothing is wrong with it."""
        return cls.of(row, error=row.error or None)


class PortDocumentShown(Shown):
    """A carrier's bill, to be named as the port's `documentId`."""

    id: str
    name: str
    content_type: str
    size: int
    created_at: datetime


class KnowledgeFileList(Shown):
    """A page of an account's files."""

    data: list[KnowledgeFileShown]
    has_more: bool


class ConnectedShown(Shown):
    """A calendar or practice software that is connected, or must be connected again."""

    provider: str
    state: Literal["connected", "expired"]
    found: str
    error: str


class PhoneLineShown(Shown):
    """The account's number; `source`: bought, ported or sip. When a number is ported, calls arrive
    first, and texts some hours later.
    """

    phone_number: str | None
    source: str
    voice_live: bool
    text_live: bool

    @classmethod
    def of_line(cls, line: PhoneLine | None) -> Self | None:
        """The line in the account's slot, if it has one."""
        return None if line is None else cls.of(line, phone_number=line.e164)


class ReviewShown(AccountShown):
    """An account with everything that its review page shows. `readyToDeploy` is true if `missing`,
    which says in words what Deploy still needs, is empty.
    """

    voice: VoiceShown | None
    phone_integration_method: str | None
    phone_integration_settings: SettingsShape | None
    knowledge_files: list[KnowledgeFileShown]
    stripe_payment_method_id: str | None
    payment_method_verified: bool
    payment_method_verified_at: datetime | None
    card: CardShown | None
    integrations: list[ConnectedShown]
    steps: dict[str, WizardStep]
    ready_to_deploy: bool
    missing: list[str]
    message: str
    phone_line: PhoneLineShown | None
    deployment: DeploymentShown | None

    @classmethod
    def of_account(cls, account: Account, configured: Configured) -> Self:
        """The account in its current state."""
        setup, deployment = Setup.of(account.id), Deployment.newest(account.id)
        missing, voice = missing_for_deploy(configured), configured.voice
        # no new deployment can start while one is under way, or failed and keeps what it did
        is_current = deployment is not None and (
            deployment.holds_slot or deployment.status == "live"
        )
        return cls.of(
            account,
            voice=VoiceShown.model_validate(voice) if voice else None,
            phone_integration_method=configured.method,
            phone_integration_settings=setup.shown_settings if setup else None,
            knowledge_files=[
                KnowledgeFileShown.of_row(row) for row in KnowledgeFile.stored_for(account.id)
            ],
            stripe_payment_method_id=setup.stripe_payment_method_id if setup else None,
            payment_method_verified=bool(setup and setup.payment_method_verified),
            payment_method_verified_at=setup.payment_method_verified_at if setup else None,
            card=CardShown.of_setup(setup),
            integrations=[ConnectedShown.of(row) for row in Integration.used_by(account.id)],
            steps={
                name: WizardStep.of(step, missing=list(step.missing), warning=step.warning or None)
                for name, step in steps_of(configured).items()
            },
            ready_to_deploy=not missing,
            missing=missing,
            message=(deployment.message if deployment and is_current else "")
            or review_message(configured),
            phone_line=PhoneLineShown.of_line(PhoneLine.of(account.id)),
            deployment=DeploymentShown.of(deployment) if deployment else None,
        )


class CapabilitiesShown(Shown):
    """What a number can do."""

    voice: bool
    sms: bool
    mms: bool


class PriceShown(Shown):
    """An amount in minor units."""

    amount: int
    currency: str


class AvailableNumberShown(Shown):
    """A number that can be bought now; a search reserves nothing."""

    phone_number: str
    locality: str
    region: str
    monthly: PriceShown | None
    capabilities: CapabilitiesShown


class AvailableNumbers(Shown):
    """Numbers that can be bought now."""

    data: list[AvailableNumberShown]


class MonthlyCost(PriceShown):
    """What something costs per month; it is shown, but not charged here."""

    what: str


class CostPreview(Shown):
    """What Deploy would charge now, and the monthly costs. `notes` say what to consider."""

    due_now: PriceShown
    monthly: list[MonthlyCost]
    notes: list[str] = Field(default_factory=list)


class TrialReply(Shown):
    """The receptionist's reply."""

    reply: str
    conversation_id: str

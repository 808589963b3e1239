"""Settings from the environment (and `.env`), read once and checked by `bin/payphone doctor`."""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.daily_ceilings import DAILY_CEILINGS, read_ceilings

ROOT = Path(__file__).resolve().parent.parent
CLOCK_BYTES = 8  # size of the file of a shared business clock
INTERACTIVE = "interactive"  # for jobs that a person waits for
# used while no worker serves that queue, as under an older release's WORKERS
INSTEAD_OF_INTERACTIVE = "webhooks"
QUEUES = ("webhooks", "deploys", "messages", "calls", "periodic", "outgoing", INTERACTIVE)
DEFAULT_WORKERS = "webhooks=2,deploys=1,messages=1,calls=1,periodic=1,outgoing=1,interactive=1"


# What each setting accepts, for the message about an invalid value. Settings that accept any text
# are not listed.
ACCEPTED = {
    "database_url": "sqlite:///path or postgresql://user:password@host:5432/name",
    "redis_url": "redis://host:port, rediss://…, unix://… or"
    " redis+sentinel://host:port,…/service/db",
    "port": "a port from 0 to 65535 (0: a free one)",
    "public_url": "an http:// or https:// URL such as https://pay.example.com",
    "stripe_api_base": "an http:// or https:// URL, or nothing for Stripe itself",
    "twilio_api_base": "an http:// or https:// URL, or nothing for Twilio itself",
    "vapi_api_base": "an http:// or https:// URL such as https://api.eu.vapi.ai",
    "google_api_base": "an http:// or https:// URL, or nothing for Google itself",
    "open_dental_api_base": "an http:// or https:// URL such as https://api.opendental.com/api/v1",
    "nexhealth_api_base": "an http:// or https:// URL such as https://nexhealth.info",
    "setup_fee": "an amount in minor units and its currency such as 9900 usd, or 0",
    "forwarding_test_number": "a phone number in E.164 such as +15550100001, or nothing",
    "workers": "a number, or queue=number pairs such as webhooks=4,messages=2; the queues are"
    f" {', '.join(QUEUES)}",
    "log_format": "console or json",
    "log_level": "DEBUG, INFO, WARNING, ERROR or CRITICAL",
    "payphone_env": "production, demo or test",
    "payphone_business_shift": "a number of seconds",
    "payphone_business_clock": "the path of a file of eight bytes, which the demo makes",
    "payphone_lease": "a number of seconds over 0",
    "payphone_lock_lease": "a number of seconds over 0",
    "payphone_text_deadline": "a number of seconds, 0 or more",
    "payphone_provider_timeout": "a number of seconds over 0",
    "payphone_settling": "a number of seconds, 0 or more",
    "trusted_proxies": "addresses or networks such as 10.0.0.0/8, separated by commas",
    "rate_per_key": "a rate such as 600/minute, or none",
    "rate_per_address": "a rate such as 600/minute, or none",
    "daily_ceilings": "numbers of texts, charges, calls, files, chats and lookups, such as"
    " texts=500,calls=300",
    "call_records_days": "a number of days from 1 to 3650",
    "call_slots": "a number of calls from 1 to 1000",
    "backfill_rate": "a number of events per second, 0 or more (0: no limit)",
    "webhooks_to_loopback": "true or false",
}


@cache
def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


class Settings(BaseSettings):
    """Every setting of Payphone; names are the environment variables, upper case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: str = "sqlite:///var/payphone.db"
    redis_url: str | None = None
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = ""
    payphone_secret_key: str = ""
    operator_password: str = ""
    stripe_secret_key: str = ""
    stripe_publishable_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_connect_webhook_secret: str = ""
    stripe_api_base: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_messaging_service_sid: str = ""
    twilio_api_base: str = ""
    vapi_api_key: str = ""
    vapi_webhook_secret: str = ""
    vapi_public_key: str = ""
    vapi_api_base: str = "https://api.vapi.ai"
    google_client_id: str = ""
    google_client_secret: str = ""
    google_api_base: str = ""
    oauth_providers: str = Field(
        default="", description="path of a TOML file: further providers connected by OAuth"
    )
    open_dental_developer_key: str = ""
    open_dental_api_base: str = "https://api.opendental.com/api/v1"
    nexhealth_api_base: str = "https://nexhealth.info"
    setup_fee: str = Field(
        default="0", description="what a clinic's first Deploy charges: minor units and currency"
    )
    forwarding_test_number: str = Field(
        default="", description="the number of ours that test calls to forwarded lines come from"
    )
    workers: str = DEFAULT_WORKERS
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    payphone_env: Literal["production", "demo", "test"] = "production"
    payphone_state_dir: str = ""
    # seconds by which business time is ahead; demo and tests only
    payphone_business_shift: float = Field(default=0.0, allow_inf_nan=False)
    payphone_business_clock: str = Field(
        default="",
        description="demo and tests only: a file with those seconds, shared by all processes, whose"
        " change moves their business time while they run",
    )
    payphone_kill_at: str = Field(default="", description="tests only: die at this kill-point")
    payphone_lease: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="tests only: seconds of a claim's lease",
    )
    payphone_lock_lease: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="tests only: seconds of an invoice lock's lease",
    )
    payphone_text_deadline: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="tests only: seconds a decided text may wait to be sent",
    )
    payphone_provider_timeout: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="tests only: seconds a provider may take",
    )
    payphone_settling: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="tests only: seconds until a provider's record is trusted",
    )
    trusted_proxies: str = Field(
        default="",
        description="addresses and networks of the proxies in front; unset: this machine",
    )
    rate_per_key: str = Field(
        default="600/minute", description="requests about payments per API key; `none`: no limit"
    )
    rate_per_address: str = Field(
        default="600/minute",
        description="requests about payments per client address; `none`: no limit",
    )
    daily_ceilings: str = Field(
        default="", description="daily ceilings per account; an account may have its own"
    )
    call_records_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="days for which a call's transcript and summary are kept",
    )
    call_slots: int = Field(
        default=10, ge=1, le=1000, description="calls under way at once, as Vapi's plan allows"
    )
    backfill_rate: float = Field(
        default=50.0,
        ge=0,
        allow_inf_nan=False,
        description="missing or replayed events processed per second; 0: no limit",
    )
    webhooks_to_loopback: bool = Field(
        default=False, description="demo and tests only: outgoing webhooks may go to this machine"
    )

    @property
    def names_database(self) -> bool:
        """Whether DATABASE_URL was set, rather than left at its default."""
        return "database_url" in self.model_fields_set

    @property
    def shown_database(self) -> str:
        """The database's URL with its password masked."""
        # up to the last @: a password may contain an unescaped one
        shown = re.sub(r"(?<=://)([^:@/]*:).*(?=@)", r"\1***", self.database_url)
        return re.sub(r"(?i)(?<=password=)[^&]*", "***", shown)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Stripe webhook secrets, newest first; more than one while a secret is being rolled."""
        return _split(self.stripe_webhook_secret)

    @property
    def connect_webhook_secrets(self) -> tuple[str, ...]:
        """Secrets of the Connect endpoint, newest first."""
        return _split(self.stripe_connect_webhook_secret)

    @property
    def twilio_auth_tokens(self) -> tuple[str, ...]:
        """Twilio's auth tokens. We send with the first; while one is being rolled, any of them may
        have signed a webhook.
        """
        return _split(self.twilio_auth_token)

    @property
    def vapi_webhook_secrets(self) -> tuple[str, ...]:
        """Secrets that authenticate Vapi's webhooks, newest first; Vapi is given the first."""
        return _split(self.vapi_webhook_secret)

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Keys for signing and encryption, newest first."""
        return _split(self.payphone_secret_key)

    @property
    def fee(self) -> tuple[int, str]:
        """The setup fee: minor units and currency; 0 for none."""
        amount, _, currency = self.setup_fee.partition(" ")
        return int(amount), currency.strip().lower() or "usd"

    @property
    def worker_counts(self) -> dict[str, int]:
        """Processes per queue: `WORKERS=3` means three each, `webhooks=4,calls=1` names them."""
        if self.workers.strip().isdecimal():
            return dict.fromkeys(QUEUES, int(self.workers))
        pairs = (part.split("=", 1) for part in _split(self.workers))
        return {queue: int(count) for queue, count in pairs}

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: str) -> str:
        return value.strip().upper()

    @field_validator(
        "public_url",
        "stripe_api_base",
        "twilio_api_base",
        "vapi_api_base",
        "google_api_base",
        "open_dental_api_base",
        "nexhealth_api_base",
    )
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.port == 0  # reading an invalid port raises ValueError
            or any(not char.isprintable() or char.isspace() for char in value)
        ):
            raise ValueError("not a URL")
        return value.rstrip("/")

    @field_validator("payphone_business_clock")
    @classmethod
    def _is_a_clock(cls, value: str) -> str:
        path = Path(value)
        if value and not (path.is_file() and path.stat().st_size == CLOCK_BYTES):
            raise ValueError("not a clock")
        return value

    @field_validator("setup_fee")
    @classmethod
    def _fee_is_an_amount(cls, value: str) -> str:
        if not re.fullmatch(r"0|[1-9]\d{0,7} +[A-Za-z]{3}", value.strip()):
            raise ValueError("not an amount with a currency")
        return value.strip()

    @field_validator("forwarding_test_number")
    @classmethod
    def _is_a_number(cls, value: str) -> str:
        if value and not re.fullmatch(r"\+[1-9]\d{6,14}", value.strip()):
            raise ValueError("not a phone number in E.164")
        return value.strip()

    @field_validator("daily_ceilings")
    @classmethod
    def _ceilings_are_numbers(cls, value: str) -> str:
        read_ceilings(value)
        return value

    @property
    def ceilings(self) -> dict[str, int]:
        """The most texts, charges, calls, files, trial chats and lookups per account and day."""
        return DAILY_CEILINGS | read_ceilings(self.daily_ceilings)

    def shortened(self, usual: float, wanted: float | None) -> float:
        """`wanted` if a test has set it, else `usual`; always `usual` outside tests."""
        return wanted if wanted is not None and self.payphone_env == "test" else usual

    @property
    def webhooks_may_stay_here(self) -> bool:
        """Whether outgoing webhooks may go to this machine; never in production."""
        return self.webhooks_to_loopback and self.payphone_env != "production"

    @property
    def state_dir(self) -> Path:
        """Where an embedded Redis and a demo keep their files."""
        return Path(self.payphone_state_dir or ROOT / "var")

    @property
    def demo_settings(self) -> Path:
        """Where a running demo keeps its processes' environment, for `bin/payphone --demo`."""
        return self.state_dir / "demo" / "settings.json"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read on first use."""
    return Settings()

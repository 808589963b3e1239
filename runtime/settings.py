"""Settings from the environment (and `.env`), read once and checked by `bin/payphone doctor`."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
QUEUES = ("webhooks", "deploys", "messages", "calls", "periodic")
DEFAULT_WORKERS = "webhooks=2,deploys=1,messages=1,calls=1,periodic=1"


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


class Settings(BaseSettings):
    """Every setting of Payphone; names are the environment variables, upper case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: str = "sqlite:///var/payphone.db"
    redis_url: str | None = None
    port: int = 8000
    public_url: str = ""
    payphone_secret_key: str = ""
    operator_password: str = ""
    stripe_secret_key: str = ""
    stripe_publishable_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_connect_webhook_secret: str = ""
    stripe_api_base: str = ""
    workers: str = DEFAULT_WORKERS
    log_format: Literal["console", "json"] = "console"
    log_level: str = "INFO"
    payphone_env: Literal["production", "demo", "test"] = "production"
    payphone_kill_at: str = Field(default="", description="tests only: die at this kill-point")
    trusted_proxies: str = ""

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Stripe webhook secrets, newest first; more than one while a secret is being rolled."""
        return _split(self.stripe_webhook_secret)

    @property
    def connect_webhook_secrets(self) -> tuple[str, ...]:
        """Secrets of the Connect endpoint, newest first."""
        return _split(self.stripe_connect_webhook_secret)

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Keys for signing and encryption, newest first."""
        return _split(self.payphone_secret_key)

    @property
    def worker_counts(self) -> dict[str, int]:
        """Processes per queue: `WORKERS=3` means three for each, `webhooks=4,calls=1` names them."""
        if self.workers.strip().isdigit():
            return dict.fromkeys(QUEUES, int(self.workers))
        pairs = (part.split("=", 1) for part in _split(self.workers))
        return {queue: int(count) for queue, count in pairs}

    @property
    def state_dir(self) -> Path:
        """Where the embedded Redis, the demo and SQLite keep their files."""
        return ROOT / "var"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read on first use."""
    return Settings()

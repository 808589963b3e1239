"""How many clinics get from signing up to a live receptionist, and how long it takes them.

Counted from the rows of clinics, their deployments and their numbers, whatever they invoice.
docs/metrics.md defines what each figure counts.
"""

from dataclasses import dataclass

from models.transactions import execute

DAYS = 90  # default window
_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS

# when each account first went live; a deployment's events are kept even after it is taken down
_LIVE = (
    "SELECT d.account_id, MIN(e.at) AS at FROM deployment d JOIN deployment_event e ON"
    " e.deployment_id = d.id AND e.step = '' AND e.state = 'live' GROUP BY d.account_id"
)
_CLINICS = (
    "SELECT COUNT(*), COUNT(s.configured_at),"
    " COUNT(CASE WHEN s.configured_at IS NOT NULL THEN s.first_verified_at END),"
    " COUNT(s.first_verified_at),"
    " COUNT(CASE WHEN s.first_verified_at IS NOT NULL THEN l.at END),"
    " COUNT(l.at), COALESCE(SUM(l.at - a.created_at), 0)"
    " FROM account a LEFT JOIN setup s ON s.account_id = a.id"
    f" LEFT JOIN ({_LIVE}) l ON l.account_id = a.id WHERE a.created_at > {{now}} - ?"
)
_NUMBERS = (
    "SELECT COUNT(twilio_sid), COUNT(*) FROM phone_line WHERE source = 'bought' AND"
    " (twilio_sid IS NOT NULL OR state = 'refused') AND created_at > {now} - ?"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A fraction: a count out of a total."""

    numerator: int
    denominator: int

    @property
    def rate(self) -> float | None:
        """The fraction as a number from 0 to 1, or None if the denominator is 0."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class GoingLive:
    """The figures for one window."""

    configuration_completion: Rate
    payment_conversion: Rate
    deployment_success: Rate
    phone_purchase_success: Rate
    went_live: int
    seconds_to_deploy: float | None


def count_going_live(account_id: str | None = None, days: int = DAYS) -> GoingLive:
    """The figures for clinics that signed up and purchases that began in the last `days`, of one
    account or of all.
    """
    whose = "" if account_id is None else " AND {0} = ?"
    given = (days * _DAY,) if account_id is None else (days * _DAY, account_id)
    clinics = execute(_CLINICS + whose.format("a.id"), given).fetchone()
    accounts, configured, converted, paid, deployed, live, micros = map(int, clinics)
    bought, asked = map(int, execute(_NUMBERS + whose.format("account_id"), given).fetchone())
    return GoingLive(
        configuration_completion=Rate(configured, accounts),
        payment_conversion=Rate(converted, configured),
        deployment_success=Rate(deployed, paid),
        phone_purchase_success=Rate(bought, asked),
        went_live=live,
        seconds_to_deploy=micros / _MICROSECONDS / live if live else None,
    )

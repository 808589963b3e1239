"""Small rules on which much depends: money, ids in RQ, backoff, occurrences, settings."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from delivery.backoff import MAX_BACKOFF, backoff
from delivery.registry import MAX_TIMEOUT, JobType, find_job, job, job_names
from delivery.rq import keys as rq_keys
from delivery.schedule import Schedule
from models.accounts.account import Account
from models.delivery.attempt import LEASE
from rules.imports.csv_cells import BadCell, read_currency
from rules.money import CURRENCIES, exponent, in_words, least, step, to_major, to_minor
from runtime.ids import new_id
from runtime.settings import QUEUES, Settings
from simulation.demo_settings import until_mid_morning


@pytest.mark.parametrize(
    ("amount", "currency", "major"),
    [
        (1050, "usd", "10.50"),
        (1050, "USD", "10.50"),
        (500, "jpy", "500"),
        (1234, "kwd", "1.234"),
        (100, "isk", "1"),
        (100, "ugx", "1"),
        (-5, "usd", "-0.05"),
    ],
)
def test_minor_units_are_converted_as_stripe_counts_them(amount, currency, major):
    """docs.stripe.com/currencies: zero-decimal, three-decimal,
    and the two that are sent times 100.
    """
    assert to_major(amount, currency) == Decimal(major)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["usd", "jpy", "kwd", "isk", "eur"]))
def test_money_converts_to_major_units_and_back(amount, currency):
    assert to_minor(to_major(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency"), [("10.505", "usd"), ("0.5", "jpy"), ("1.2345", "kwd")]
)
def test_an_amount_with_too_many_decimals_is_refused(amount, currency):
    with pytest.raises(ValueError, match="decimal places"):
        to_minor(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "words"),
    [
        (123_450, "usd", "en_US", "$1,234.50"),
        (1000, "jpy", "en", "¥1,000"),
        (1234, "kwd", "en", "KWD 1.234"),
        (1050, "rsd", "en", "RSD 10.50"),
        (5000, "xaf", "en_US", "FCFA 5,000"),
        (123_450, "cad", "en_US", "CA$1,234.50"),
        (123_450, "eur", "fr", "1 234,50 €"),
    ],
)
def test_amounts_are_formatted_by_currency_and_locale(amount, currency, locale, words):
    """A yen has no cents to be shown; a dinar has them, though CLDR would round them away."""
    assert in_words(amount, currency, locale) == words


def test_each_currency_has_its_number_of_decimals():
    assert [exponent(code) for code in ("usd", "jpy", "bhd")] == [2, 0, 3]


@pytest.mark.parametrize(
    ("currency", "smallest_step", "smallest"),
    [
        ("usd", 1, 50),
        ("GBP", 1, 30),
        ("jpy", 1, 50),
        ("ugx", 100, 100),  # whole shillings, though sent times 100
        ("isk", 100, 100),
        ("kwd", 10, 10),  # the third decimal is always 0
        ("krw", 1, 50),
        ("zar", 1, 50),
        ("kes", 1, 1),  # not in Stripe's table
    ],
)
def test_each_currency_has_stripes_minimum_charge_and_step(currency, smallest_step, smallest):
    """docs.stripe.com/currencies: special cases, minimum charge amounts."""
    assert (step(currency), least(currency)) == (smallest_step, smallest)


def test_only_currencies_that_stripe_accepts_are_read():
    """Stripe mentions more than 135 currencies; CLDR knows them all, and `zzz` is not one."""
    assert 135 < len(CURRENCIES) < 150
    assert {code.lower() for code in list_currencies()} >= CURRENCIES
    assert (read_currency("", "usd"), read_currency("Eur", "usd")) == ("usd", "eur")
    for code in ("ZZZ", "xxx", "xau"):
        with pytest.raises(BadCell, match=f"{code.upper()} is not a currency that Stripe takes"):
            read_currency(code, "usd")


@given(st.sampled_from(["process_stripe_event", "a", "a_1"]), st.integers(1, 10**18 - 1))
def test_rq_ids_convert_to_numbers_and_back(name, number):
    identity = rq_keys.rq_id(name, number)
    assert rq_keys.parse_rq_id(identity) == number
    assert set(identity) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@given(st.text())
def test_no_text_makes_the_id_parser_raise(text):
    found = rq_keys.parse_rq_id(text)
    assert found is None or 0 <= found < 2**63


@pytest.mark.parametrize(
    "text",
    ["", "-", "x-", "x-²", "x-٣", "x-1.5", "x--1x", "x-" + "9" * 19, "a:b-1", "x-1\n", "x -1"],
)
def test_text_that_is_no_rq_id_is_not_parsed(text):
    assert rq_keys.parse_rq_id(text) is None


@given(st.integers(1, 60), st.sampled_from([0.2, 2.0, 60.0]))
def test_backoff_doubles_with_jitter_up_to_an_hour(attempts, first):
    kind = JobType("x", "webhooks", 60, 5, first, lambda: None)
    full = min(MAX_BACKOFF, first * 2.0 ** (attempts - 1))
    assert 0.75 * full <= backoff(kind, attempts) <= 1.25 * full


ASK_STRIPE = [
    "process_stripe_event",
    "create_payment_link",
    "retire_payment_link",
    "open_payment_intent",
    "change_payment_intent",
    "cancel_payment_intent",
    "refund_payment",
]


@pytest.mark.parametrize("name", ASK_STRIPE)
def test_jobs_that_ask_stripe_retry_through_almost_an_hour_of_outage(name):
    found = find_job(name)
    assert (
        sum(
            0.75 * min(MAX_BACKOFF, found.backoff * 2.0**tried)
            for tried in range(found.attempts - 1)
        )
        > 3_000
    )


def test_backoff_has_jitter():
    kind = JobType("x", "webhooks", 8, 5, 2.0, lambda: None)
    assert len({backoff(kind, 3) for _ in range(20)}) > 1


@given(st.integers(0, 4_000_000_000), st.sampled_from([1, 60, 300, 3600, 86_400]))
def test_an_occurrence_contains_its_time(now, every):
    schedule = Schedule("x", "mark_overdue", every)
    start = schedule.occurrence(float(now))
    assert start <= now < start + every
    assert start % every == 0
    assert schedule.occurrence(start) == schedule.occurrence(start + every - 1) == start


@pytest.mark.parametrize("night", ["2026-03-08T06:30:00", "2026-11-01T05:30:00"])
def test_occurrences_are_unaffected_by_clock_changes(night):
    """Around New York's clock changes of 2026, an hourly schedule has one occurrence an hour."""
    schedule = Schedule("x", "mark_overdue", 3600)
    begun = int(datetime.fromisoformat(night).replace(tzinfo=UTC).timestamp())
    found = [schedule.occurrence(begun + minute * 60) for minute in range(240)]
    assert len(set(found)) == 5
    assert found == sorted(found)


@pytest.mark.parametrize(
    "started", ["2027-03-14T06:00", "2027-11-07T04:30", "2026-11-29T04:59", "2026-11-29T05:00"]
)
def test_a_demo_starts_at_half_past_ten_clinic_time(started):
    """Given a start before New York's clocks change that day, or around midnight there, then the
    demo begins at an hour at which texts are lawful.
    """
    now = datetime.fromisoformat(started).replace(tzinfo=UTC)
    there = (now + timedelta(seconds=until_mid_morning(now))).astimezone(
        ZoneInfo("America/New_York")
    )
    assert (there.hour, there.minute) == (10, 30)


def test_every_job_has_a_known_queue_and_a_timeout_below_the_lease():
    """Each job's timeout is at most MAX_TIMEOUT, which is shorter than the lease, and its queue
    exists.
    """
    assert MAX_TIMEOUT < LEASE
    for name in job_names():
        kind = find_job(name)
        assert kind.queue in QUEUES
        assert 0 < kind.timeout <= MAX_TIMEOUT
        assert kind.attempts >= 1


@pytest.mark.parametrize(
    "policy",
    [{"queue": "nobody"}, {"queue": "calls", "timeout": 21}, {"queue": "calls", "timeout": 0}],
)
def test_an_invalid_job_policy_is_refused(policy):
    with pytest.raises(ValueError, match="must be one of"):
        job(calls_out=False, **policy)


def test_a_second_job_of_the_same_name_is_refused():
    """Given a second file in jobs/ that declares a job of the same name, then it is refused, so
    that neither runs in place of the other.
    """

    def mark_overdue() -> None:
        """The copy."""

    known = find_job("mark_overdue")
    with pytest.raises(ValueError, match=r"mark_overdue is a name of .* of jobs\.mark_overdue"):
        job(queue="periodic", calls_out=False)(mark_overdue)
    assert find_job("mark_overdue") is known


@pytest.mark.parametrize(
    ("workers", "counts"),
    [
        ("3", dict.fromkeys(QUEUES, 3)),
        ("webhooks=4,calls=1", {"webhooks": 4, "calls": 1}),
        (" webhooks=2 , calls=1 ", {"webhooks": 2, "calls": 1}),
    ],
)
def test_the_workers_setting_gives_a_count_per_queue(workers, counts):
    assert Settings(workers=workers).worker_counts == counts


def test_several_secrets_are_accepted_while_they_are_rotated():
    settings = Settings(
        stripe_webhook_secret=" new , old,",
        payphone_secret_key="k2,k1",
        stripe_connect_webhook_secret="",
    )
    assert settings.webhook_secrets == ("new", "old")
    assert settings.secret_keys == ("k2", "k1")
    assert settings.connect_webhook_secrets == ()


def test_shortened_times_apply_only_in_tests():
    for env, expected in (("test", 1.0), ("demo", 30.0), ("production", 30.0)):
        settings = Settings(payphone_env=env, payphone_lease=1.0)
        assert settings.shortened(30.0, settings.payphone_lease) == expected


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2027, 3, 14, 7, 59, tzinfo=UTC), datetime(2027, 3, 14, 8, 0, tzinfo=UTC)),
        # a day of 23 hours
        (datetime(2027, 3, 14, 8, 0, tzinfo=UTC), datetime(2027, 3, 15, 7, 0, tzinfo=UTC)),
        # a day of 25
        (datetime(2027, 11, 7, 7, 0, tzinfo=UTC), datetime(2027, 11, 8, 8, 0, tzinfo=UTC)),
    ],
)
def test_an_accounts_day_ends_at_its_local_midnight(now, midnight):
    assert Account(time_zone="America/Los_Angeles").next_midnight(now) == midnight


def test_a_forked_process_generates_different_ids():
    """Given random bytes buffered for later ids, when a worker forks, then its child uses none of
    them.
    """
    new_id("inv")
    told, tell = os.pipe()
    if not (child := os.fork()):
        os.write(tell, "".join(new_id("inv")[-16:] for _ in range(100)).encode())
        os._exit(0)
    ours = {new_id("inv")[-16:] for _ in range(100)}  # the last 80 bits are the random ones
    os.waitpid(child, 0)
    theirs = os.read(told, 2000).decode()
    os.close(told)
    os.close(tell)
    assert len(theirs) == 1600
    assert not ours & {theirs[at : at + 16] for at in range(0, 1600, 16)}

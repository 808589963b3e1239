"""The five figures of going live (F114–F118) for a known history, as docs/metrics.md defines
them.
"""

from datetime import timedelta

import pytest

from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.reports.going_live import Rate, count_going_live
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given

HOUR = timedelta(hours=1)


def a_clinic(days_ago=10, configured=False, paid=False, live_after=()):
    """Create a clinic whose deployments each went live after so many hours (None: never)."""
    created = real_now() - timedelta(days=days_ago)
    account = given.an_account(created_at=created)
    setup = Setup.locked_for(account.id, created)
    setup.record(
        created,
        configured_at=created + HOUR if configured else None,
        first_verified_at=created + HOUR if paid else None,
    )
    for hours in live_after:
        deployment = Deployment.create(
            id=new_id("dep"),
            account=account,
            status="taken_down",
            holds_slot=False,
            method="forwarded",
            asked_by="test",
            created_at=created,
            updated_at=created,
        )
        DeploymentEvent.record(deployment.id, "", "running", "Deploying...", created)
        DeploymentEvent.record(deployment.id, "live", "done", "a step of that name", created)
        if hours is not None:
            DeploymentEvent.record(
                deployment.id, "", "live", "System is now live!", created + hours * HOUR
            )
    return account


def a_line(account, state, sid=None, source="bought", days_ago=10):
    then = real_now() - timedelta(days=days_ago)
    PhoneLine.create(
        id=new_id("ln"),
        account=account,
        state=state,
        holds_slot=state == "owned",
        source=source,
        twilio_sid=sid,
        asked_by="test",
        created_at=then,
        updated_at=then,
    )


@pytest.fixture
def history(client):
    """Six clinics within the window, and one from before it."""
    a_clinic()
    a_clinic(configured=True)
    a_clinic(paid=True)  # paid but never configured
    refused = a_clinic(configured=True, paid=True, live_after=(None,))
    live = a_clinic(configured=True, paid=True, live_after=(None, 6, 2))
    slow = a_clinic(configured=True, paid=True, live_after=(10,))
    old = a_clinic(days_ago=100, configured=True, paid=True, live_after=(1,))
    a_line(refused, "refused")
    a_line(live, "released", "PN1")
    a_line(live, "owned", "PN2")
    a_line(slow, "reserved")
    a_line(slow, "owned", "PN3", source="ported")
    a_line(old, "owned", "PN4", days_ago=100)
    return live


def test_going_live_figures_match_a_known_history(history):
    figures = count_going_live()
    assert figures.configuration_completion == Rate(4, 6)
    assert figures.payment_conversion == Rate(3, 4)
    assert figures.deployment_success == Rate(2, 4)
    assert figures.phone_purchase_success == Rate(2, 3)
    assert (figures.went_live, figures.seconds_to_deploy) == (2, (2 + 10) / 2 * 3600)


def test_a_longer_window_counts_earlier_history(history):
    figures = count_going_live(days=200)
    assert figures.configuration_completion == Rate(5, 7)
    assert figures.phone_purchase_success == Rate(3, 4)
    assert figures.seconds_to_deploy == pytest.approx((2 + 10 + 1) / 3 * 3600)


def test_an_operator_gets_the_figures_of_all_clinics(client, history):
    answer = client.simulate_get("/api/finance/metrics", headers=given.a_key(None))
    assert answer.json == {
        "days": 90,
        "configurationCompletionRate": {"numerator": 4, "denominator": 6, "rate": 4 / 6},
        "paymentConversionRate": {"numerator": 3, "denominator": 4, "rate": 0.75},
        "deploymentSuccessRate": {"numerator": 2, "denominator": 4, "rate": 0.5},
        "phonePurchaseSuccessRate": {"numerator": 2, "denominator": 3, "rate": 2 / 3},
        "timeToDeploy": {"count": 2, "averageSeconds": 21_600.0},
    }


def test_a_clinic_gets_only_its_own_figures(client, history):
    answer = client.simulate_get("/api/finance/metrics", headers=given.a_key(history)).json
    assert answer["configurationCompletionRate"] == {"numerator": 1, "denominator": 1, "rate": 1.0}
    assert answer["phonePurchaseSuccessRate"] == {"numerator": 2, "denominator": 2, "rate": 1.0}
    assert answer["timeToDeploy"] == {"count": 1, "averageSeconds": 7200.0}


def test_a_rate_without_a_denominator_is_null(client):
    answer = client.simulate_get("/api/finance/metrics", headers=given.a_key(None)).json
    assert answer["deploymentSuccessRate"] == {"numerator": 0, "denominator": 0, "rate": None}
    assert answer["timeToDeploy"] == {"count": 0, "averageSeconds": None}


@pytest.mark.one_database
@pytest.mark.parametrize("days", ["0", "x", "9999"])
def test_an_invalid_window_is_refused(client, days):
    answer = client.simulate_get(
        "/api/finance/metrics", params={"days": days}, headers=given.a_key(None)
    )
    assert answer.status_code == 422


def test_prometheus_metrics_show_the_same_figures(client, history):
    text = client.simulate_get("/metrics", headers=given.a_key(None)).text
    assert 'payphone_going_live_rate{rate="deployment_success"} 0.5' in text
    assert (
        'payphone_going_live_count{part="denominator",rate="configuration_completion"} 6.0' in text
    )
    assert "payphone_time_to_deploy_seconds 21600.0" in text

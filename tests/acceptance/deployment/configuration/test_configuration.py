"""The configuration phase: free, never blocked, in any order (F64, F65, F68–F72, F77–F79, F85, F93,
F95, F98; B15's knowledge files and trial have their own files). Tests are named after their line of
the testing checklist, or their edge case.
"""

import itertools
import json

import pytest
from structlog.testing import CapturingLogger

from actions.deployment.configuration import configure
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.transactions import transaction
from rules.deployment.readiness import NO_ADDRESS
from rules.deployment.setup_messages import PHONE_DONE
from runtime.clock import real_now
from runtime.secret_box import unseal
from runtime.settings import get_settings
from tests import given
from tests.running.processes import reset_process
from tests.stories.wizard import ADDRESS, FORWARDED, PORTED, VOICE, Wizard

pytestmark = pytest.mark.one_database

PHONES = {"forwarded": FORWARDED, "ported": PORTED, "sip": {}, "none": {}}


@pytest.fixture
def wizard(client) -> Wizard:
    return Wizard(client)


def test_complete_voice_selection_without_payment(wizard):
    answer = wizard.put("/voice", VOICE)
    assert (answer.status_code, answer.json["success"], answer.json["voice"]) == (200, True, VOICE)
    review = wizard.review
    assert review["voice"] == VOICE
    assert review["steps"]["voice"] == {
        "complete": True,
        "message": "The voice is burt of 11labs.",
        "missing": [],
    }
    assert review["paymentMethodVerified"] is False


def test_configure_forwarded_number_without_payment(wizard):
    answer = wizard.put("/phone/forwarded", FORWARDED)
    assert (answer.status_code, answer.json["success"]) == (200, True)
    assert answer.json["message"] == (
        "Configuration saved. Phone number will be provisioned after payment."
    )
    settings = wizard.review["phoneIntegrationSettings"]
    assert settings == {
        "businessName": "Dental Clinic",
        "clinicNumber": "+12025550123",
        "needsPhoneNumber": True,
        "configuredAt": settings["configuredAt"],
    }
    assert wizard.review["phoneIntegrationMethod"] == "forwarded"


def test_configure_ported_number_without_payment(wizard):
    answer = wizard.put("/phone/ported", PORTED)
    assert answer.json["message"] == (
        "Configuration saved. Port request will be submitted after payment."
    )
    settings = wizard.review["phoneIntegrationSettings"]
    assert settings == {
        "phoneNumber": "+12025550124",
        "currentCarrier": "Verizon",
        "portStatus": "pending_configuration",
        "configuredAt": settings["configuredAt"],
    }
    assert wizard.review["phoneIntegrationMethod"] == "ported"


def test_configure_sip_trunk_without_payment(wizard):
    """The credentials are shown once; the password is stored sealed and never shown again."""
    answer = wizard.put("/phone/sip")
    credentials = answer.json["sipCredentials"]
    assert set(credentials) == {"sipUrl", "username", "password"}
    assert credentials["sipUrl"].startswith("sip:pp-")
    assert "_" not in credentials["sipUrl"], "it has to be a host's name"
    password = credentials["password"]
    assert len(password) >= 12
    assert not password.isalpha()
    assert not password.islower()
    assert password not in json.dumps(wizard.review)
    assert set(wizard.review["phoneIntegrationSettings"]) == {"sipUrl", "username", "configuredAt"}
    kept = wizard.setup.phone_integration_settings
    assert password not in json.dumps(kept)
    assert unseal(kept["sealedPassword"]) == password


def test_repeated_sip_setup_keeps_uri_and_username_and_makes_a_new_password(wizard):
    first, second = (wizard.put("/phone/sip").json["sipCredentials"] for _ in range(2))
    assert (first["sipUrl"], first["username"]) == (second["sipUrl"], second["username"])
    assert first["password"] != second["password"]
    assert unseal(wizard.setup.phone_integration_settings["sealedPassword"]) == second["password"]


def test_two_clinics_get_different_sip_uris_and_usernames(wizard, client):
    one, other = (
        each.put("/phone/sip").json["sipCredentials"] for each in (wizard, Wizard(client))
    )
    assert one["sipUrl"] != other["sipUrl"]
    assert one["username"] != other["username"]


@pytest.mark.parametrize("order", list(itertools.permutations(["voice", "phone", "card"])))
def test_navigate_freely_between_all_wizard_steps(wizard, order):
    """Given any order of the steps, then none is refused, and at the end the clinic is ready to
    deploy.
    """
    steps = {
        "voice": lambda: wizard.put("/voice", VOICE),
        "phone": lambda: wizard.put("/phone/forwarded", FORWARDED),
        "card": wizard.pays,
    }
    for done, step in enumerate(order):
        assert wizard.review["readyToDeploy"] is ({"phone", "card"} <= set(order[:done]))
        answer = steps[step]()
        assert answer is None or answer.status_code == 200
    assert (wizard.review["readyToDeploy"], wizard.review["missing"]) == (True, [])


def test_refresh_page_and_verify_configuration_persists(wizard):
    """Given a complete configuration, when the process restarts, then the review is the same."""
    wizard.put("/voice", VOICE)
    wizard.put("/phone/forwarded", FORWARDED | {"areaCode": "202", "serviceAddress": ADDRESS})
    before = wizard.review
    reset_process()
    assert wizard.review == before
    settings = before["phoneIntegrationSettings"]
    assert (settings["areaCode"], settings["serviceAddress"]) == (
        "202",
        ADDRESS | {"country": "US"},
    )


def test_case_1_configuration_abandoned_before_payment_can_be_resumed(wizard):
    """Given everything configured and no payment, then no effect or job exists, and the saved
    configuration can be completed later.
    """
    wizard.put("/voice", VOICE)
    wizard.put("/phone/forwarded", FORWARDED)
    assert (Effect.select().count(), StagedJob.select().count()) == (0, 0)
    assert wizard.review["steps"]["phone"]["complete"]
    assert wizard.review["missing"] == ["Add a payment method."]
    wizard.pays()
    assert wizard.review["readyToDeploy"] is True


def test_case_3_last_method_wins_and_needs_phone_number_is_cleared(wizard):
    wizard.put("/phone/forwarded", FORWARDED)
    assert wizard.review["phoneIntegrationSettings"]["needsPhoneNumber"] is True
    wizard.put("/phone/sip")
    assert wizard.review["phoneIntegrationMethod"] == "sip"
    assert "needsPhoneNumber" not in wizard.review["phoneIntegrationSettings"]
    assert "clinicNumber" not in wizard.review["phoneIntegrationSettings"]


@pytest.mark.parametrize(("first", "last"), list(itertools.permutations(PHONES, 2)))
def test_switching_methods_leaves_only_the_last_methods_settings(wizard, first, last):
    wizard.put(f"/phone/{first}", PHONES[first])
    wizard.put(f"/phone/{last}", PHONES[last])
    fresh = Wizard(wizard.client)
    fresh.put(f"/phone/{last}", PHONES[last])
    one, other = wizard.review, fresh.review
    assert one["phoneIntegrationMethod"] == last
    assert set(one["phoneIntegrationSettings"]) == set(other["phoneIntegrationSettings"])


@pytest.mark.parametrize("last", PHONES)
def test_deployment_results_survive_a_later_change_of_method(wizard, last):
    """Given a deployed clinic, when it chooses a method again, then twilioForwardNumber and
    setupCompletedAt stay in its settings (F87).
    """
    wizard.put("/phone/forwarded", FORWARDED)
    noted = {"twilioForwardNumber": "+15559876543", "setupCompletedAt": "2026-02-12T00:00:00Z"}
    with transaction():
        setup = Setup.locked(wizard.account.id)
        settings = setup.phone_integration_settings | noted
        setup.record(real_now(), phone_integration_settings=settings)
    wizard.put(f"/phone/{last}", PHONES[last])
    assert noted.items() <= wizard.review["phoneIntegrationSettings"].items()


def test_repeating_the_same_put_changes_nothing(wizard):
    """Given a repeated PUT, then the answer is the same, and one audit entry exists."""
    chosen = PORTED | {"pin": "1234", "serviceAddress": ADDRESS}
    one, other = (wizard.put("/phone/ported", chosen) for _ in range(2))
    assert one.json == other.json
    voices = [wizard.put("/voice", VOICE).json for _ in range(2)]
    assert voices[0] == voices[1]
    made = [row.action for row in AuditEntry.select().order_by(AuditEntry.id)]
    assert made == ["phone.configured", "voice.chosen"]


def test_port_pin_is_stored_sealed_and_never_shown(wizard):
    wizard.put("/phone/ported", PORTED | {"pin": "271828"})
    kept = wizard.setup.phone_integration_settings
    assert "271828" not in json.dumps(kept)
    assert unseal(kept["sealedPin"]) == "271828"
    assert "271828" not in wizard.get().text
    assert not {"pin", "sealedPin"} & set(wizard.review["phoneIntegrationSettings"])


def test_rotated_key_opens_old_sealed_values_and_reseal_renews_them(wizard, monkeypatch):
    def under(keys):
        monkeypatch.setenv("PAYPHONE_SECRET_KEY", keys)
        get_settings.cache_clear()

    under("old")
    password = wizard.put("/phone/sip").json["sipCredentials"]["password"]
    under("new,old")
    assert [configure.reseal_setup(wizard.setup, "cli:ada") for _ in range(2)] == [True, False]
    under("new")
    assert unseal(wizard.setup.sealed["sealedPassword"]) == password


def test_sip_setup_without_a_secret_key_is_not_configured(wizard, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", "")
    get_settings.cache_clear()
    answer = wizard.put("/phone/sip")
    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")
    assert wizard.put("/phone/forwarded", FORWARDED).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("forwarded", FORWARDED | {"clinicNumber": "555-0123"}, "clinicNumber"),
        ("forwarded", FORWARDED | {"clinicNumber": "911"}, "clinicNumber"),
        ("forwarded", FORWARDED | {"phoneNumber": "2025550123"}, "phoneNumber"),
        ("forwarded", FORWARDED | {"transferNumber": "2025550123"}, "transferNumber"),
        (
            "forwarded",
            FORWARDED | {"phoneNumber": "2025550129", "transferNumber": "2025550129"},
            "transferNumber",
        ),
        ("forwarded", FORWARDED | {"areaCode": "12"}, "areaCode"),
        ("forwarded", FORWARDED | {"areaCode": "023"}, "areaCode"),
        ("forwarded", FORWARDED | {"businessName": " "}, "businessName"),
        (
            "forwarded",
            FORWARDED | {"serviceAddress": ADDRESS | {"city": ""}},
            "serviceAddress.city",
        ),
        ("forwarded", {"businessName": "Dental Clinic"}, "clinicNumber"),
        ("forwarded", FORWARDED | {"needsPhoneNumber": False}, "needsPhoneNumber"),
        ("ported", PORTED | {"phoneNumber": "+1202555012"}, "phoneNumber"),
        ("ported", {"phoneNumber": "+12025550124"}, "currentCarrier"),
        ("ported", PORTED | {"customerType": "Clinic"}, "customerType"),
        ("ported", PORTED | {"targetDate": "soon"}, "targetDate"),
        ("sip", {"password": "mine"}, "password"),
    ],
)
def test_invalid_field_is_named_and_nothing_is_saved(wizard, path, body, field):
    answer = wizard.put(f"/phone/{path}", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert wizard.review["phoneIntegrationMethod"] is None


@pytest.mark.parametrize(
    "voice",
    [{"provider": "siri", "voiceId": "x"}, {"provider": "vapi"}, VOICE | {"voiceId": "<b>"}],
)
def test_invalid_voice_is_refused(wizard, voice):
    assert wizard.put("/voice", voice).status_code == 422
    assert wizard.review["voice"] is None


def test_a_card_number_is_refused_in_every_field(wizard):
    answer = wizard.put("/phone/ported", PORTED | {"accountNumber": "4242 4242 4242 4242"})
    assert answer.json["code"] == "card_number_refused"
    answer = wizard.put("/phone/forwarded", FORWARDED | {"businessName": "4242424242424242"})
    assert answer.json["code"] == "card_number_refused"
    assert wizard.review["phoneIntegrationMethod"] is None


def test_another_clinics_setup_is_not_found(wizard, client):
    other = Wizard(client)
    for path, body in {"/voice": VOICE, "/phone/sip": {}, "/phone/forwarded": FORWARDED}.items():
        answer = wizard.client.simulate_put(other.home + path, json=body, headers=wizard.key)
        assert answer.status_code == 404
    assert Setup.select().count() == 0


def test_saving_each_phone_method_logs_its_documented_line(wizard, monkeypatch):
    """The log lines of F102–F104, word for word."""
    lines = {
        "forwarded": "[Phone Integration] Forwarding configuration saved"
        " (number will be purchased after payment)",
        "ported": "[Phone Integration] Port configuration saved"
        " (actual port will be initiated after payment)",
        "sip": "[Phone Integration] SIP trunk configuration saved",
    }
    told = CapturingLogger()
    monkeypatch.setattr(configure, "log", told)
    for method in lines:
        wizard.put(f"/phone/{method}", PHONES[method])
    about = {"account_id": wizard.account.id}
    assert told.calls == [("info", (line,), about) for line in lines.values()]


# What the review page says (F75, F88–F90)


def test_f88_the_step_says_that_the_configuration_was_saved(wizard):
    wizard.put("/phone/forwarded", FORWARDED | {"serviceAddress": ADDRESS})
    assert wizard.review["steps"]["phone"]["message"].splitlines() == [
        "✓ Configuration saved successfully!",
        "Your phone number will be provisioned when you deploy.",
    ]


def test_f88_missing_service_address_adds_a_warning_beside_the_message(wizard):
    """Given no service address, then the promised message stays as it is, and a warning beside it
    says what a 911 call costs (field report 6).
    """
    wizard.put("/phone/forwarded", FORWARDED)
    step = wizard.review["steps"]["phone"]
    assert step["message"] == PHONE_DONE["forwarded"]
    assert step["warning"] == NO_ADDRESS
    assert "$75" in NO_ADDRESS
    wizard.put("/phone/forwarded", FORWARDED | {"serviceAddress": ADDRESS})
    assert "warning" not in wizard.review["steps"]["phone"]


def test_f89_review_asks_for_a_payment_method_before_payment(wizard):
    wizard.put("/phone/forwarded", FORWARDED)
    assert wizard.review["message"].splitlines() == [
        "⚠ Add payment method to deploy your AI receptionist",
        'Your card will be charged when you click "Deploy"',
    ]


def test_f90_review_says_ready_to_deploy_after_payment(wizard):
    wizard.put("/voice", VOICE)
    wizard.put("/phone/forwarded", FORWARDED)
    wizard.pays()
    review = wizard.review
    assert review["message"].splitlines() == [
        "✓ Payment method added",
        'Ready to deploy! Click "Deploy" to purchase phone number and go live.',
    ]
    assert review["card"] == {"brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2030}
    assert review["stripePaymentMethodId"] == wizard.setup.stripe_payment_method_id
    assert review["paymentMethodVerified"] is True
    assert review["paymentMethodVerifiedAt"]


def test_f75_review_lists_everything_that_is_missing(wizard):
    review = wizard.review
    assert list(review["steps"]) == ["voice", "knowledge", "integrations", "phone", "payment"]
    complete = {name for name, step in review["steps"].items() if step["complete"]}
    assert complete == {"knowledge", "integrations"}, "those are optional"
    assert len(review["missing"]) == 2, "a receptionist has some voice"
    assert (review["phoneIntegrationMethod"], review["phoneIntegrationSettings"]) == (None, None)
    assert review["deployment"] is None
    wizard.put("/phone/ported", PORTED)
    wizard.pays(card_problem="")
    needs = wizard.review["steps"]["phone"]["missing"]
    assert len(needs) == 5
    assert wizard.review["message"].splitlines() == ["✓ Payment method added", needs[0]]
    wizard.put(
        "/phone/ported",
        PORTED
        | {
            "customerType": "Business",
            "authorizedRepresentative": "Ada Owner",
            "authorizedRepresentativeEmail": "ada@clinic.example",
            "serviceAddress": ADDRESS,
            "documentId": "doc_1",
        },
    )
    assert wizard.review["steps"]["phone"]["complete"]


def test_review_says_why_the_card_is_no_longer_verified(wizard):
    wizard.pays(payment_method_verified=False, card_problem="The card has expired.")
    step = wizard.review["steps"]["payment"]
    assert (step["complete"], step["missing"]) == (
        False,
        ["Add another payment method: The card has expired."],
    )


def test_review_shows_the_latest_deployment_and_its_steps(wizard):
    now = real_now()
    deployment = Deployment.create(
        id="dep_1",
        account=wizard.account,
        status="running",
        method="forwarded",
        message="⏳ Deploying...",
        asked_by="key:x",
        created_at=now,
        updated_at=now,
    )
    for position, (name, state, error) in enumerate(
        [("charge", "done", ""), ("number", "failed", "It is gone.")]
    ):
        DeploymentStep.create(
            id=f"dps_{position}",
            deployment=deployment,
            position=position,
            name=name,
            state=state,
            error=error,
        )
    shown = wizard.review["deployment"]
    assert (shown["id"], shown["status"]) == ("dep_1", "running")
    assert [(step["name"], step["state"]) for step in shown["steps"]] == [
        ("charge", "done"),
        ("number", "failed"),
    ]
    assert "error" not in shown["steps"][0]
    assert shown["steps"][1]["error"] == "It is gone."
    assert wizard.review["message"] == "⏳ Deploying..."


def test_time_of_the_first_complete_configuration_is_recorded_once(wizard):
    """The time of the first complete configuration, which the completion rate (F114) counts, never
    changes.
    """
    wizard.put("/voice", VOICE)
    assert wizard.setup.configured_at is None
    wizard.put("/phone/forwarded", FORWARDED)
    first = wizard.setup.configured_at
    assert first is not None
    wizard.put("/phone/sip")
    assert wizard.setup.configured_at == first


def test_operator_can_configure_any_account(wizard, client):
    """Given an operator's key, then it can configure and read any account."""
    operator = given.a_key(None)
    answer = client.simulate_put(f"{wizard.home}/voice", json=VOICE, headers=operator)
    assert answer.status_code == 200
    assert client.simulate_get(wizard.home, headers=operator).json["voice"] == VOICE

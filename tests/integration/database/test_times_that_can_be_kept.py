"""Every time that is stored can be read again: times outside the range are refused by the API and
by the column itself.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from models.base import NoInstant
from models.contact.consent import Consent
from models.invoices.customer import Customer
from rules.imports.csv_cells import BadCell
from rules.imports.invoice_csv import read_time
from tests import given

CONSENT = {
    "channels": ["sms"],
    "source": "intake form",
    "text": "You may text me.",
    "textVersion": "1",
}
# in UTC this is in the year 0, which Python cannot represent
YEAR_NOUGHT = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


@pytest.mark.parametrize(
    "said",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_consent_with_a_time_out_of_range_is_refused(client, said):
    customer = given.a_customer(given.an_account())
    headers, path = given.a_key(customer.account), f"/api/customers/{customer.id}"
    answer = client.simulate_post(
        f"{path}/consents", json=CONSENT | {"givenAt": said}, headers=headers
    )
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (
        422,
        ["givenAt"],
    )
    assert client.simulate_get(f"{path}/contact-ledger", headers=headers).status_code == 200
    assert Consent.select().count() == 0


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_list_filter_with_a_time_out_of_range_is_refused(client, since):
    answer = client.simulate_get(
        f"/api/invoices?updatedSince={since}", headers=given.a_key(given.an_account())
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "updatedSince")


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1026-01-31"]
)
def test_an_import_refuses_a_time_out_of_range(text):
    with pytest.raises(BadCell, match="is in the year"):
        read_time(text)


def test_a_column_refuses_a_time_that_cannot_be_read_back(database_url):
    """Given a time outside the range that passed the API's checks, then the column refuses it, and
    the row stays as it was.
    """
    customer = given.a_customer(given.an_account())
    for wrong in (YEAR_NOUGHT, -(2**62), 2**62):
        with pytest.raises(NoInstant, match="before the year 1 or after the year 9999"):
            Customer.update(updated_at=wrong).where(Customer.id == customer.id).execute()
    for right in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        Customer.update(updated_at=right).where(Customer.id == customer.id).execute()
        assert Customer.get_by_id(customer.id).updated_at == right


def test_a_time_refused_by_the_column_is_answered_400(client, monkeypatch):
    customer = given.a_customer(given.an_account())
    monkeypatch.setattr("actions.invoices.customers.real_now", lambda: YEAR_NOUGHT)
    answer = client.simulate_patch(
        f"/api/customers/{customer.id}", json={"name": "Ada"}, headers=given.a_key(customer.account)
    )
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")

"""An account's maximum is checked by one transaction at a time: two at once never share the last
place.
"""

import pytest

from actions.deployment.configuration import knowledge_files, port_documents
from actions.feed import endpoints
from models.transactions import is_postgres, serialize_on, transaction
from runtime.errors import Refused
from runtime.settings import get_settings
from tests import given
from tests.integration.contact.test_locks_in_one_order import while_it_waits

BILL = b"%PDF-1.7"


@pytest.fixture
def account(database_url):
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")
    return given.an_account()


def adds_a_bill(account):
    with transaction():
        port_documents.add_port_document(account, "bill.pdf", BILL, "test")


def adds_a_file(account):
    with transaction():
        knowledge_files.add_file(account, "hours.txt", b"9 to 5", "test")


def registers(account):
    endpoints.register_endpoint(account, "https://clinic.example/hook", [], "test")


@pytest.mark.parametrize(
    ("add", "key", "most"),
    [
        (adds_a_bill, "port-documents", port_documents.MOST),
        (adds_a_file, "knowledge-files", knowledge_files.MOST),
        (registers, "endpoints", endpoints.MOST),
    ],
    ids=["port documents", "knowledge files", "webhook endpoints"],
)
def test_only_one_of_two_concurrent_requests_gets_the_last_place(
    account, monkeypatch, add, key, most
):
    """Given one place left and a transaction about to take it, when another one comes, then it
    waits and is refused.
    """
    monkeypatch.setenv("DAILY_CEILINGS", f"files={2 * most}")
    get_settings.cache_clear()
    for _ in range(most - 1):
        add(account)

    def comes():
        try:
            add(account)
        except Refused as refused:
            return refused.code
        return "added"

    assert (
        while_it_waits(comes, lambda: serialize_on(f"{key}:{account.id}"), lambda: add(account))
        == "invalid"
    )

"""Every text field of the API has a maximum length, so that no index entry is too long; a value
that is too long all the same is not reported as an outage.
"""

import random
import string

import peewee
import pytest

import web.app  # noqa: F401 - makes every body known
from models.invoices.customer import Customer
from models.transactions import is_postgres
from tests import given
from web.http.body import Body

pytestmark = pytest.mark.one_database

BOUNDS = {"maxLength", "pattern", "enum", "const", "format"}


def bodies(base=Body):
    for shape in base.__subclasses__():
        yield shape
        yield from bodies(shape)


def unbounded(schema, path=""):
    """Yield the paths of text fields and lists without a maximum length."""
    if schema.get("type") == "string" and not BOUNDS & schema.keys():
        yield path
    for name, member in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from unbounded(member, f"{path}.{name}")
    for member in schema.get("anyOf", []):
        yield from unbounded(member, path)
    if schema.get("type") == "array" and "maxItems" not in schema and "enum" not in schema["items"]:
        yield f"{path}[]"


def test_every_text_field_of_a_request_body_has_a_maximum_length():
    found = {
        shape.__name__: list(unbounded(shape.model_json_schema()))
        for shape in bodies()
        if shape.__module__.startswith("web.")
    }
    assert len(found) > 15
    found["NewEndpoint"] = [path for path in found["NewEndpoint"] if path != ".events"]
    assert {name: paths for name, paths in found.items() if paths} == {}


LONG = "".join(random.Random(7).choices(string.ascii_letters, k=20_000))


@pytest.mark.parametrize(
    "field", ["externalId", "language", "timeZone", "phone", "email", "stripeCustomerId", "name"]
)
def test_a_value_that_is_too_long_is_refused_by_field_name(client, field):
    answer = client.simulate_post(
        "/api/customers",
        json={"name": "Ada"} | {field: LONG},
        headers=given.a_key(given.an_account()),
    )
    assert (
        answer.status_code,
        answer.json["code"],
        [error["field"] for error in answer.json["errors"]],
    ) == (422, "invalid", [field])


def test_a_value_too_long_for_an_index_is_a_data_error_not_an_outage(database_url):
    """Given a text too long for a PostgreSQL index, then the error is about data, not about an
    unavailable database.
    """
    account = given.an_account()
    if not is_postgres():
        assert given.a_customer(account, external_id=LONG).id
        return
    with pytest.raises(peewee.DataError, match="index"):
        given.a_customer(account, external_id=LONG)
    assert Customer.select().count() == 0

"""The demo's story takes a 202 for what it is: not known yet,
to be asked again with the same key.
"""

import httpx
import pytest

from simulation.api import Api


def an_api(*statuses):
    """An API that answers so, one after the other, and the keys it was asked with."""
    left, keys = list(statuses), []

    def answer(request):
        keys.append(request.headers.get("Idempotency-Key"))
        return httpx.Response(left.pop(0), json={"advice": "Ask for another card."})

    api = Api("http://payphone", "key")
    api._client = httpx.Client(base_url="http://payphone", transport=httpx.MockTransport(answer))
    return api, keys


def test_a_charge_that_waits_for_its_link_to_close_is_asked_for_again():
    api, keys = an_api(202, 202, 402)
    assert api.refused("/api/payments/phone", {}, 402, "k") == {"advice": "Ask for another card."}
    assert keys == ["k", "k", "k"]


@pytest.mark.parametrize(("status", "key"), [(202, None), (200, "k"), (409, "k")])
def test_what_was_not_refused_so_stops_the_story(status, key):
    api, keys = an_api(status)
    with pytest.raises(RuntimeError, match=f"answered {status}, not 402"):
        api.refused("/api/payments/phone", {}, 402, key)
    assert keys == [key]

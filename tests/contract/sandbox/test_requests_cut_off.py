"""A request that is cut off is not performed, and its idempotency key stays free."""

import socket
from urllib.parse import urlsplit


def test_a_request_that_is_cut_off_is_not_performed(stripe_stand_in):
    """Given a body cut off before its Content-Length, then it gets no answer, and the complete
    request succeeds under the same key.
    """
    key = "cut-off"
    at = urlsplit(stripe_stand_in.url)
    headers = (
        f"POST /v1/customers HTTP/1.1\r\nHost: {at.netloc}\r\nIdempotency-Key: {key}\r\n"
        "Authorization: Bearer sk_test_payphone\r\nStripe-Version: 2026-10-28.endive\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\n"
    )
    with socket.create_connection((at.hostname, at.port), timeout=120) as sender:
        sender.sendall(f"{headers}name".encode())
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(100) == b""
    sdk = stripe_stand_in.sdk
    assert sdk.customers.list().data == []
    made = sdk.customers.create({"name": "Ada"}, {"idempotency_key": key})
    assert [each.id for each in sdk.customers.list().data] == [made.id]
    assert made.name == "Ada"

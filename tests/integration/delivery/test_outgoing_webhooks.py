"""Webhooks are POSTed to the address that was checked, under the certificate of the URL's host, and
no further (fault 41).
"""

import contextlib
import socket
import ssl
import subprocess
import threading

import httpx
import pytest

from providers import outgoing_webhooks
from providers.outgoing_webhooks import post_webhook

PUBLIC, INNER = "93.184.215.14", "10.0.0.5"


class Wire(httpx.BaseTransport):
    """Records where connections would go, and refuses the first `refuse` of them."""

    def __init__(self, refuse=0, status=200):
        self.asked, self._refuse, self._status = [], refuse, status

    def handle_request(self, request):
        url, name = request.url, request.extensions.get("sni_hostname")
        self.asked.append(
            (url.scheme, url.host, url.port, url.raw_path.decode(), request.headers["Host"], name)
        )
        if len(self.asked) <= self._refuse:
            raise httpx.ConnectError("refused")
        return httpx.Response(self._status, headers={"Location": "https://10.0.0.5/"})


def names(*answers):
    """A name server that gives these answers in turn, as an attacker's could."""
    left = list(answers)

    def resolve(host, port):
        resolve.asked += 1
        return left.pop(0) if len(left) > 1 else left[0]

    resolve.asked = 0
    return resolve


def post(url, resolve, wire, loopback=False):
    return post_webhook(url, b"{}", {}, loopback, resolve, wire)


def test_the_checked_address_is_the_one_connected_to():
    """Given a host that resolves to a public address first and to a private one later, then it is
    resolved once, and the checked address is used.
    """
    wire, resolve = Wire(), names([PUBLIC], [INNER])
    assert post("https://hooks.example.com/in?x=1", resolve, wire).status == 200
    assert resolve.asked == 1
    assert wire.asked == [
        ("https", PUBLIC, None, "/in?x=1", "hooks.example.com", "hooks.example.com")
    ]


METADATA = [["169.254.169.254"], ["::ffff:169.254.169.254"], ["fd00:ec2::254"]]


@pytest.mark.parametrize(
    "addresses", [[INNER], [PUBLIC, INNER], ["127.0.0.1"], ["::1"], *METADATA, []]
)
def test_a_host_that_resolves_to_a_private_address_is_refused(addresses):
    """Given a host with any address that is not public, then nothing is sent."""
    wire = Wire()
    reply = post("https://hooks.example.com/", names(addresses), wire)
    assert (reply.taken, reply.status, wire.asked) == (False, None, [])
    assert reply.error.startswith("address refused")


def test_a_redirect_is_not_followed():
    wire = Wire(status=307)
    reply = post("https://hooks.example.com/", names([PUBLIC]), wire)
    assert (reply.status, reply.taken, len(wire.asked)) == (307, False, 1)


def test_the_next_checked_address_is_tried_when_one_refuses_the_connection():
    wire = Wire(refuse=1)
    assert post("https://hooks.example.com/", names([PUBLIC, "2606:4700::1111"]), wire).taken
    assert [host for _, host, *_ in wire.asked] == [PUBLIC, "2606:4700::1111"]


def test_the_environments_proxies_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    wire = Wire()
    assert post("https://hooks.example.com/", names([PUBLIC]), wire).taken
    assert len(wire.asked) == 1


def test_an_unresolvable_host_is_reported():
    def unknown(host, port):
        raise socket.gaierror

    assert post("https://hooks.example.com/", unknown, Wire()).error == "the name does not resolve"


def of_localhost(tmp_path):
    """Return a TLS context for localhost, and the path of its self-signed certificate."""
    key, cert = tmp_path / "k.pem", tmp_path / "c.pem"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made.split(), *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


@pytest.mark.slow
def test_an_untrusted_certificate_is_refused(tmp_path, monkeypatch):
    """Given a server with an untrusted certificate, then nothing is sent to it."""
    monkeypatch.setattr(outgoing_webhooks, "TIMEOUT", httpx.Timeout(60.0))
    context, _ = of_localhost(tmp_path)
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            context.wrap_socket(server.accept()[0], server_side=True)

    threading.Thread(target=serve, daemon=True).start()
    reply = post_webhook(f"https://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, loopback=True)
    server.close()
    assert (reply.status, reply.error) == (None, "ConnectError")


@pytest.mark.slow
def test_late_bytes_from_a_timed_out_receiver_reach_no_other_connection(tmp_path, monkeypatch):
    """Given a receiver whose answer does not end, when the time is up and other connections are
    open, then late bytes from it disturb none of them.
    """
    context, cert = of_localhost(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    outgoing_webhooks._certificates.cache_clear()
    monkeypatch.setattr(outgoing_webhooks, "TOTAL", 2.0)
    server = socket.create_server(("127.0.0.1", 0))
    before, goes_on = set(threading.enumerate()), threading.Event()

    def serve():
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(server.accept()[0], server_side=True) as peer,
        ):
            peer.recv(10_000)
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            goes_on.wait()
            peer.sendall(b"X-Goes: on\r\n")

    receiver = threading.Thread(target=serve)
    receiver.start()
    reply = post_webhook(f"https://localhost:{server.getsockname()[1]}/", b"{}", {}, loopback=True)
    assert reply.error == "no answer within 2 s"
    others = [each for _ in range(4) for each in socket.socketpair()]
    for other in others:
        other.sendall(b"to somebody else")
    goes_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    server.close()
    outgoing_webhooks._certificates.cache_clear()
    assert {other.recv(10_000) for other in others} == {b"to somebody else"}
    for other in others:
        other.close()

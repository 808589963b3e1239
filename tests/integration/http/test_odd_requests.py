"""Odd text in the query, cookies, headers and forms of every page, from strangers and operators,
gets an error or the page, never a 5xx (H10).

The text and its place are drawn, the same each time.
"""

import random
from collections import Counter

import falcon.testing
import httpx
import pytest

from tests.running.website import serve
from tests.stories.operators import an_operator, signed_in
from web.app import ROUTES
from web.http.guards.security_headers import FIXED

TREES = (
    "/rq",
    "/rq/queue/webhooks",
    "/rq/job/1",
    "/rq/workers",
    "/static/payphone.css",
    "/static/x",
)
DOCS = ("/api/openapi.json", "/api/docs", "/api/docs/problems", "/nowhere", "/nowhere/%00")
PAGES = sorted(route for route in ROUTES if not route.startswith("/api/"))
# API routes that need no key, or that see these values before the key is checked
API = ("/api/invoices", "/api/webhooks/stripe", "/api/webhooks/twilio/voice", "/api/events")
PATHS = [path.replace("{", "").replace("}", "") for path in (*PAGES, *TREES, *DOCS, *API)]
HEADERS = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Expect",
    "Forwarded",
    "Host",
    "Idempotency-Key",
    "If-Modified-Since",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Payphone-Account",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Stripe-Signature",
    "Transfer-Encoding",
    "Twilio-Signature",
    "Upgrade",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
    "X-Real-IP",
    "X-Request-Id",
    "X-Twilio-Signature",
]
FIELDS = [
    "after",
    "before",
    "csrf_token",
    "endingBefore",
    "from",
    "invoiceId",
    "job_id",
    "lastEventId",
    "limit",
    "name",
    "next",
    "page",
    "password",
    "per_page",
    "q",
    "queue",
    "startingAfter",
    "status",
    "to",
    "updatedSince",
]
COOKIES = ("payphone_session", "payphone_form", "__Host-payphone_session", "session", "csrf")
# as bytes arrive: a server passes them on as one character each
ODD = [
    "",
    " ",
    "\t",
    "0",
    "-1",
    "9" * 400,
    "1e999",
    "NaN",
    "null",
    "//[",
    "//]",
    "[",
    "[::1",
    "::1",
    "1.2.3.4:99999999",
    "a:b:c",
    ":",
    "http://[",
    "http://a:b",
    "//a:-1",
    "javascript:alert(1)",
    "\\\\x",
    "/..;/..",
    "%",
    "%zz",
    "%00",
    "%0d%0aSet-Cookie:%20a=b",
    "%ff%fe",
    "%ed%a0%80",
    "%u0041",
    "\x80\xff",
    "\xc3\xa9\xf0\x9f\x98\x80",
    "\xed\xa0\x80",
    "=",
    ";",
    "==;;",
    "a=b=c;a=b",
    '"',
    '"\\"; a="\\777"',
    ",",
    ",,,",
    "a" * 8_000,
    "{}",
    "bytes=0-",
    "bytes=9-1",
    "a/b;q=x",
    "*/*;q=2",
    "text/html;charset=nonsense",
    "multipart/form-data",
    "application/x-www-form-urlencoded;charset=utf-7",
    "Bearer",
    "Bearer \xff",
    "Basic Og==",
    "Basic \xff",
    "t=1,v1=\xff",
    "for=[;proto=",
    "Thu, 99 Foo 9999 99:99:99 GMT",
    'W/"',
    "<script>",
    "{{7*7}}",
]


def ask(app, method, path, query="", headers=None, body=""):
    """Return the status of the answer to a request as a server passes it on."""
    environ = falcon.testing.create_environ("/", method=method, body=body)
    environ |= {"PATH_INFO": path, "QUERY_STRING": query, "RAW_URI": f"{path}?{query}"}
    for name, value in (headers or {}).items():
        plain = name.upper().replace("-", "_")
        environ[plain if plain in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{plain}"] = value
    statuses = []
    answer = app(environ, lambda status, _headers, _error=None: statuses.append(int(status[:3])))
    for _ in answer:
        pass
    return statuses[0]


def draws(seed, count):
    """Yield requests with odd text in one place or several."""
    draw = random.Random(seed)
    for _ in range(count):
        query = draw.choice(["", draw.choice(ODD), f"{draw.choice(FIELDS)}={draw.choice(ODD)}"])
        headers = {draw.choice(HEADERS): draw.choice(ODD) for _ in range(draw.randrange(3))}
        if draw.random() < 0.3:
            headers["Cookie"] = f"{draw.choice(COOKIES)}={draw.choice(ODD)}"
        method = draw.choice(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PUT"])
        form = "&".join(f"{draw.choice(FIELDS)}={draw.choice(ODD)}" for _ in range(2))
        body = form.encode("latin-1") if method == "POST" else b""
        yield method, draw.choice(PATHS), query, headers, body


@pytest.mark.parametrize("reader", ["a stranger", "an operator"])
def test_odd_text_anywhere_in_a_request_is_never_a_5xx(client, reader):
    """Given odd text in one place or several, then the status is below 500."""
    session = {}
    if reader == "an operator":
        an_operator("ada")
        session = signed_in(client, "ada")
    for method, path, query, headers, body in draws(f"{reader} 1", 600):
        status = ask(client.app, method, path, query, session | headers, body)
        assert status < 500, (status, method, path, query, headers, body)


@pytest.mark.one_database
@pytest.mark.parametrize("text", ["//[", "//]", "http://[::1", "%2f%2f[", "\xff", "\\\\[", "//a:x"])
def test_a_login_with_an_odd_next_url_is_never_a_5xx(client, text):
    for method in ("GET", "POST"):
        assert ask(client.app, method, "/login", f"next={text}", body=f"next={text}".encode()) < 500


@pytest.mark.one_database
def test_no_header_changes_the_request_path(database_url, valkey, processes):
    """Given a proxy on this machine that passes on all client headers, then none of them removes a
    part of the path, which would bypass the proxy's path rules.
    """
    url = serve(processes)
    for name in ("SCRIPT_NAME", "Script_Name", "Script-Name", "PATH_INFO"):
        answer = httpx.get(f"{url}/hidden/healthz", headers={name: "/hidden"}, timeout=120)
        assert answer.status_code == 404, name


@pytest.mark.one_database
@pytest.mark.parametrize("route", ROUTES)
def test_a_path_that_begins_with_two_slashes_or_none_is_not_found(client, route):
    """Given the path of a route with another slash in front, or without its own (`GET metrics?://`
    is one to gunicorn), which a proxy's path rules and the limits on bodies would not recognise,
    then it is no route.
    """
    path = route.replace("{", "").replace("}", "")
    for other in {"/" + path, path[1:] or "//"}:
        for method in ("GET", "POST"):
            assert ask(client.app, method, other) == 404, (method, other)


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["/healthz", "/login", "/nowhere", "/static/payphone.css"])
def test_every_answer_has_each_security_header_once(database_url, valkey, processes, path):
    url = serve(processes)
    for method in ("GET", "HEAD", "PATCH"):
        answer = httpx.request(method, f"{url}{path}", timeout=120)
        times = Counter(name for name, _ in answer.headers.multi_items())
        assert {name: times[name] for name in (*FIXED, "cache-control")} == dict.fromkeys(
            (*FIXED, "cache-control"), 1
        ), method

"""rq-dashboard as a read-only Flask application, hardened where it trusts too much.

- Its templates are patched as they are loaded: each of its own scripts gets this request's nonce
  (which injected data never does), and underscore's unescaped `<%= %>` becomes the escaping
  `<%- %>`, so that descriptions, results and tracebacks stay text (rq-dashboard #526).
- It reads JSON only: otherwise its job and worker pages would unpickle data from Redis.
- It uses our Redis client, with a timeout; its own is created per request and waits a minute.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask, g
from flask.templating import DispatchingJinjaLoader
from jinja2 import Environment
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer
from rq.worker.base import BaseWorker
from rq_dashboard import web

from delivery.rq.json_job import JsonJob
from runtime.redis.connection import connect_redis
from runtime.settings import get_settings
from web.http.pages import STATIC

PREFIX = "/rq"
TIMEOUT = 2.0  # seconds; an operator can wait a little for a slow Redis
POLL = 2500  # milliseconds between the pages' own polls

_SCRIPT = re.compile(r'<script(?= src=| type="text/javascript")')
# values in $('<div/>').text() are escaped already
_RAW = re.compile(r"<%=(?! \$\('<div/>'\)\.text\()")
_STYLE = re.compile(r'\sstyle="([^"]*)"')
dashboard: Any = web  # a module, configured by its attributes, as by its own command line

_ICON = "{{ url_for('static', filename='favicon.ico') }}"
_OURS = '<link rel="stylesheet" href="/static/rq.css">\n    </head>'
_NOTICE = '<script src="/static/rq.js" type="text/javascript"></script>\n    </body>'


class _ShownJob(JsonJob):
    """A job as its page shows it."""

    def get_call_string(self) -> str | None:
        """The job's description: its name and the id of its row, whatever its payload."""
        return self.description


class _JsonWorker(Worker):
    """Workers as Redis lists them, whose jobs are read as JSON."""

    @classmethod
    def find_by_key(  # type: ignore[override]
        cls, worker_key: str, connection: Redis, **_named: Any
    ) -> BaseWorker | None:
        """The worker with this key, whose jobs are read as JSON."""
        return super().find_by_key(
            worker_key, connection, job_class=_ShownJob, serializer=JSONSerializer
        )


class _Loader(DispatchingJinjaLoader):
    """Loads the dashboard's templates, patched."""

    def get_source(self, environment: Environment, template: str) -> Any:
        """The template's source with nonces, escapes, and our own style and notices."""
        source, filename, is_fresh = super().get_source(environment, template)
        return patched_template(source), filename, is_fresh


class _Dashboard(Flask):
    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        return _Loader(self)


def patched_template(source: str) -> str:
    """A template of the dashboard, patched: a nonce on each script, every value escaped, and
    headings that wrap on a phone.
    """
    source = (
        source.replace("&nbsp;job", " job")
        .replace("</body>", _NOTICE)
        .replace("</head>", _OURS)
        .replace(_ICON, "/static/favicon.svg")
    )
    return _RAW.sub("<%-", _SCRIPT.sub('<script nonce="{{ csp_nonce }}"', source))


def page_policy(nonce: str, html: str) -> str:
    """The Content-Security-Policy of one page of the dashboard.

    `unsafe-eval` is for underscore, which compiles templates. The page's few `style` attributes are
    allowed by their hashes; Jinja escapes data, so none of them can come from there.
    """
    styles = sorted(
        {
            base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            for text in _STYLE.findall(html)
        }
    )
    allowed = (
        " ".join(["'unsafe-hashes'", *(f"'sha256-{digest}'" for digest in styles)])
        if styles
        else "'none'"
    )
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}' 'unsafe-eval'; style-src-elem 'self';"
        f" style-src-attr {allowed}; img-src 'self' data:; connect-src 'self'; font-src 'none';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def make_dashboard() -> Flask:
    """The Flask application under `/rq`. It sees only GET: other methods are answered before it."""
    app = _Dashboard(
        "payphone_rq", static_folder=STATIC, static_url_path="/static", template_folder=None
    )
    app.config.update(
        RQ_DASHBOARD_REDIS_URL=("Redis",),
        RQ_DASHBOARD_POLL_INTERVAL=POLL,
        RQ_DASHBOARD_DISABLE_DELETE=True,
    )
    app.config.update(RQ_DASHBOARD_SHOW_FULL_ARGS=False, PROPAGATE_EXCEPTIONS=True)
    dashboard.config.serializer = JSONSerializer
    dashboard.Job, dashboard.Worker = _ShownJob, _JsonWorker
    client: list[Redis] = []

    def connect(_url: str, **_options: Any) -> tuple[None, Redis]:
        client[:] = client or [connect_redis(get_settings().redis_url, timeout=TIMEOUT)]
        return None, client[0]

    dashboard.from_url = connect

    @app.before_request
    def use_redis() -> None:
        app.redis_conn = connect("")[1]  # type: ignore[attr-defined]

    @app.context_processor
    def nonce() -> dict[str, str]:
        return {"csp_nonce": g.get("csp_nonce", "")}

    app.register_blueprint(dashboard.blueprint, url_prefix=PREFIX)
    return app


def ask(app: Flask, environ: Mapping[str, Any], nonce: str) -> Any:
    """Return the application's response to a request, as a GET without a body."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in {"wsgi.input", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"}
    }
    with app.request_context(kept | {"REQUEST_METHOD": "GET"}):
        g.csp_nonce = nonce
        answer = app.full_dispatch_request()
        answer.direct_passthrough = False
        return answer

"""Imports what the fork server has before it forks: everything our programs import, except modules
that read the environment on import, such as `prometheus_client` and gunicorn's settings.
"""

import gc
import importlib
import sys

import gunicorn.app.wsgiapp
import gunicorn.workers.gthread  # noqa: F401
import psycopg  # noqa: F401 - explicitly, because our programs on SQLite do not import it
import pygments  # noqa: F401 - likewise
import rich  # noqa: F401 - likewise

import worker  # noqa: F401
from runtime.settings import ROOT
from tests.read_once import read_once
from tests.running.without_disk import wait_for_no_disk

LOOK_AT_THE_ENVIRONMENT = (
    "web.app",
    "web.http.middleware",
    "web.operators.gauges",
    "web.operators.metrics",
    "web.server.",
)

for path in sorted((ROOT / "web").rglob("*.py")):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    if not name.startswith(LOOK_AT_THE_ENVIRONMENT):
        importlib.import_module(name)

read_once()
wait_for_no_disk()
if "prometheus_client" in sys.modules:
    raise RuntimeError("Something else imports prometheus_client; name it here.")

# a collection in a fork would write to these objects, and so copy their pages
gc.collect()
gc.freeze()

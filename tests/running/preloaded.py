"""What the fork server has imported before it forks: whatever our programs import, but for what
looks at the environment while it is imported: `prometheus_client`, and gunicorn's settings.
"""

import gc
import importlib
import sys

import gunicorn.app.wsgiapp
import gunicorn.workers.gthread  # noqa: F401
import psycopg  # noqa: F401 - before our programs, which go without it where they are on SQLite
import pygments  # noqa: F401 - as this
import rich  # noqa: F401 - and this

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

# what is loaded stays where it is: no collector of a copy looks at it, and has its pages copied
gc.collect()
gc.freeze()

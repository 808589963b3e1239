"""Every table, in an order that foreign keys allow for creating them."""

import importlib
import pkgutil

from peewee import sort_models

import models
from models.base import Row
from models.reports.running_total import TotalChange

for _each in pkgutil.walk_packages(models.__path__, "models."):
    if not _each.name.startswith("models.migrations"):
        importlib.import_module(_each.name)

# changes of totals are written by triggers on other tables, so their table comes last
_ROWS = [row for row in Row.__subclasses__() if row.__module__.startswith("models.")]
TABLES = tuple(sorted(sort_models(_ROWS), key=lambda row: row is TotalChange))

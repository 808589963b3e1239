"""Patterns of request bodies stay small: pydantic's regular expressions copy a whole Unicode class
for each counted repetition, several megabytes for `\\w{1,120}`, in every process.
"""

import re

import pytest
from pydantic import BaseModel

import web.app  # noqa: F401 - loads every body
from web.http.body import Body

COUNTED = re.compile(r"(?:\\[wds]|\[[^]]*\\[wds][^]]*\])\{(?:\d+,)?(\d+)\}")
MOST = 10


def bodies(base: type[BaseModel] = Body) -> list[type[BaseModel]]:
    return [one for kind in base.__subclasses__() for one in (kind, *bodies(kind))]


def test_the_search_finds_counted_repetitions():
    assert COUNTED.findall(r"^cus_\w{1,64}$ [\w .-]{1,120} [2-9]\d{2} [0-9A-Za-z]{1,80}") == [
        "64",
        "120",
        "2",
    ]


@pytest.mark.parametrize("body", bodies(), ids=lambda kind: kind.__name__)
def test_no_pattern_repeats_a_unicode_class_many_times(body):
    schema = str(body.model_json_schema()).replace("\\\\", "\\")
    assert not [count for count in COUNTED.findall(schema) if int(count) > MOST], schema

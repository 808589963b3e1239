"""``expand[]``: replaces ids in an answer by the objects they name."""

import copy
from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json


def expanded(account: Account, answer: Json, paths: list[str]) -> Json:
    """Copy an answer with the id at each path replaced; an unknown id or path is left as it is."""
    if not paths:
        return answer
    answer = copy.deepcopy(answer)
    for path in paths:
        _expand(account, answer, path.split("."))
    return answer


def _expand(account: Account, node: Any, path: list[str]) -> None:
    """Expand one path below a node, in every item of a list."""
    if isinstance(node, list):
        for item in node:
            _expand(account, item, path)
    elif isinstance(node, dict) and path and path[0] in node:
        head, rest = path[0], path[1:]
        if isinstance(node[head], str):
            node[head] = copy.deepcopy(account.find(node[head])) or node[head]
        _expand(account, node[head], rest)

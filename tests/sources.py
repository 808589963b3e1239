"""Our source as trees, for tests that read it: parsed and walked once by the worker of the suite
that runs them (`pytest.mark.xdist_group(SOURCES)`).
"""

import ast
from functools import cache
from pathlib import Path

SOURCES = "sources"


@cache
def tree_of(path: Path) -> ast.Module:
    """A file of ours."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_in(tree: ast.AST) -> tuple[ast.AST, ...]:
    """The tree's root and all below it."""
    return tuple(ast.walk(tree))

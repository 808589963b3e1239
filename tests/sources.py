"""Our source as syntax trees, for tests that read it. The trees are parsed once, in the worker that
runs these tests (`pytest.mark.xdist_group(SOURCES)`).
"""

import ast
from functools import cache
from pathlib import Path

SOURCES = "sources"


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse one of our files."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_in(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return the root of a tree and all nodes below it."""
    return tuple(ast.walk(tree))

"""How an application's addresses find their resources, built once and not by each test anew."""

import copy
import threading
from typing import Any, ClassVar

import falcon.routing
from falcon.routing.compiled import CompiledRouter, CompiledRouterNode

import web.app
from web.http.routing import Router


class _Copied(CompiledRouter):
    """A router that copies what an earlier one built of the same routes; the resources are its own.
    It builds when it is first looked into.
    """

    _earlier: ClassVar[dict[Any, Any]] = {}

    def __init__(self) -> None:
        self._given: list[tuple[str, Any, dict[str, Any]]] = []
        self._resources: list[Any] = []
        self._built_roots: list[Any] = []
        self._building = threading.RLock()  # a stand-in is first asked by several threads
        super().__init__()

    @property
    def _roots(self) -> list[Any]:
        self._build()
        return self._built_roots

    @_roots.setter
    def _roots(self, roots: list[Any]) -> None:
        self._built_roots = roots

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Remember it until the router is looked into."""
        self._given.append((uri_template, resource, kwargs))

    def find(self, uri: str, req: Any = None) -> Any:
        """As falcon does it."""
        self._build()
        return super().find(uri, req)

    def _build(self) -> None:
        with self._building:
            given, self._given = self._given, []
            if not given:
                return
            key = (
                type(self),
                *(
                    (path, type(resource), *sorted(kwargs.items()))
                    for path, resource, kwargs in given
                ),
            )
            is_first = not self._resources
            self._resources += [resource for _, resource, _ in given]
            if is_first and key in self._earlier and self._copy(self._earlier[key]):
                return
            for path, resource, kwargs in given:
                super().add_route(path, resource, **kwargs)
            if is_first:
                self._earlier[key] = self

    def _copy(self, earlier: "_Copied") -> bool:
        """Take over what `earlier` built; False if a responder is not simply a resource's own."""
        assert earlier.finder_src
        mine = {id(old): new for old, new in zip(earlier._resources, self._resources, strict=True)}
        copies: dict[int, CompiledRouterNode] = {}
        try:
            roots = [_copy_of(node, mine, copies) for node in earlier._built_roots]
        except LookupError:
            return False
        self._built_roots = roots
        self._return_values = [copies[id(node)] for node in earlier._return_values]
        self._patterns, self._converters = earlier._patterns, earlier._converters
        self._finder_src, self._find = earlier._finder_src, earlier._find
        return True


def _copy_of(
    node: CompiledRouterNode, mine: dict[int, Any], copies: dict[int, CompiledRouterNode]
) -> CompiledRouterNode:
    """The node and all below it, with my resources. Raises LookupError."""
    made = copies[id(node)] = copy.copy(node)
    made.children = [_copy_of(child, mine, copies) for child in node.children]
    if node.resource is not None:
        made.resource = mine[id(node.resource)]
        made.method_map = {
            method: _responder_of(made.resource, node.resource, responder)
            for method, responder in (node.method_map or {}).items()
        }
    return made


def _responder_of(new: Any, old: Any, responder: Any) -> Any:
    """What `responder` is to the resource `old`, for `new`. Raises LookupError."""
    if getattr(responder, "__self__", None) is old:
        name = responder.__name__
        if getattr(old, name, None) == responder:
            return getattr(new, name)
    elif responder.__module__.startswith("falcon."):
        return responder  # it refuses a method, or answers OPTIONS
    raise LookupError(responder)


class _CopiedRouter(_Copied, Router):
    """Payphone's router."""


def copy_routers() -> None:
    """From here on, in this process."""
    web.app.Router = _CopiedRouter  # type: ignore[misc]
    falcon.routing.DefaultRouter = _Copied  # type: ignore[misc]

"""Builds an application's router once per process instead of in each test."""

import copy
import threading
from typing import Any, ClassVar

import falcon.routing
from falcon.routing.compiled import CompiledRouter, CompiledRouterNode

import web.app
from web.http.routing import Router


class _Copied(CompiledRouter):
    """A router that copies an earlier one with the same routes, but has its own resources. It is
    built at its first use.
    """

    _earlier: ClassVar[dict[Any, Any]] = {}

    def __init__(self) -> None:
        self._given: list[tuple[str, Any, dict[str, Any]]] = []
        self._resources: list[Any] = []
        self._built_roots: list[Any] | None = []
        self._copied: tuple[_Copied, dict[int, Any]] | None = None
        self._building = threading.RLock()  # several threads can send a stand-in its first requests
        super().__init__()

    @property
    def _roots(self) -> list[Any]:
        self._build()
        if self._built_roots is None:
            assert self._copied is not None
            earlier, mine = self._copied
            self._built_roots = [_with_children(node, mine) for node in earlier._roots]
        return self._built_roots

    @_roots.setter
    def _roots(self, roots: list[Any]) -> None:
        self._built_roots = roots

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """Remember the route until the router is used."""
        self._given.append((uri_template, resource, kwargs))

    def find(self, uri: str, req: Any = None) -> Any:
        """Find a route, as falcon does."""
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
            if is_first and key in self._earlier:
                self._copy(self._earlier[key])
                return
            for path, resource, kwargs in given:
                super().add_route(path, resource, **kwargs)
            assert self.finder_src  # reading it compiles the router
            if is_first and all(map(_is_its_resources_own, self._return_values)):
                self._earlier[key] = self

    def _copy(self, earlier: "_Copied") -> None:
        """Reuse what `earlier` built; each node is copied when it is found."""
        mine = {id(old): new for old, new in zip(earlier._resources, self._resources, strict=True)}
        self._copied, self._built_roots = (earlier, mine), None
        self._return_values = _Found(earlier._return_values, mine)  # type: ignore[assignment]
        self._patterns, self._converters = earlier._patterns, earlier._converters
        self._finder_src, self._find = earlier._finder_src, earlier._find


class _Found:
    """The nodes that requests lead to, each copied at its first use, because a test uses few of
    them.
    """

    # `mine`: our resource for each of the earlier router's, by its identity
    def __init__(self, nodes: list[CompiledRouterNode], mine: dict[int, Any]) -> None:
        self._nodes, self._mine = nodes, mine
        self._copies: dict[int, CompiledRouterNode] = {}

    def __getitem__(self, at: int) -> CompiledRouterNode:
        if at not in self._copies:
            self._copies[at] = _copy_of(self._nodes[at], self._mine)
        return self._copies[at]


def _with_children(node: CompiledRouterNode, mine: dict[int, Any]) -> CompiledRouterNode:
    made = _copy_of(node, mine)
    made.children = [_with_children(child, mine) for child in node.children]
    return made


def _copy_of(node: CompiledRouterNode, mine: dict[int, Any]) -> CompiledRouterNode:
    """Copy a node, with our resource and its responders."""
    made = copy.copy(node)
    if node.resource is not None:
        new = made.resource = mine[id(node.resource)]
        made.method_map = {
            method: getattr(new, responder.__name__)
            if getattr(responder, "__self__", None) is node.resource
            else responder
            for method, responder in (node.method_map or {}).items()
        }
    return made


def _is_its_resources_own(node: CompiledRouterNode) -> bool:
    """Whether each responder is a method of the resource under that name, or one of falcon's, which
    refuse a method or answer OPTIONS.
    """
    return all(
        getattr(node.resource, responder.__name__, None) == responder
        if getattr(responder, "__self__", None) is node.resource
        else responder.__module__.startswith("falcon.")
        for responder in (node.method_map or {}).values()
    )


class _CopiedRouter(_Copied, Router):
    """Payphone's router."""


def copy_routers() -> None:
    """Use copied routers in this process from now on."""
    web.app.Router = _CopiedRouter  # type: ignore[misc]
    falcon.routing.DefaultRouter = _Copied  # type: ignore[misc]

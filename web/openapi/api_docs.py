"""`/api/openapi.json` and `/api/docs`: the API's own documentation, for machines and for people.

The page is rendered here from the document: no script, nothing from elsewhere, readable on a phone.
Its search is a form.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import falcon
from markupsafe import Markup

from rules.problem_advice import next_step
from web.http.pages import rendered, show_page, show_rendered
from web.http.problems import PROBLEMS
from web.openapi.openapi import openapi_document

DEEPEST = 3  # levels of nested fields the page shows


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field as the page shows it."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer as the page shows it: a shape, or the codes of problems."""

    status: str
    about: str
    codes: list[str]
    shape: str
    fields: list[FieldRow]


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint as the page shows it."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    about: str
    is_open: bool
    parameters: list[FieldRow]
    body_about: str
    body: list[FieldRow]
    answers: list[AnswerRow]

    def text(self) -> str:
        """The text that a search matches, in lower case."""
        names = [field.name for row in self.answers for field in row.fields] + [
            field.name for field in (*self.parameters, *self.body)
        ]
        codes = [code for row in self.answers for code in row.codes]
        words = [self.summary, self.about, self.body_about, *(row.shape for row in self.answers)]
        return " ".join([self.method, self.path, self.tag, *words, *names, *codes]).lower()


class OpenApi:
    """`/api/openapi.json`, generated once: anyone may request it, as often as they like."""

    def __init__(self, app: falcon.App) -> None:
        self._app = app

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The OpenAPI document."""
        resp.content_type, resp.data = falcon.MEDIA_JSON, self._text

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, generated on first use."""
        return openapi_document(self._app)

    @cached_property
    def operations(self) -> list[Operation]:
        """Its endpoints, ready to be shown."""
        return list(read_operations(self.document))

    @cached_property
    def _text(self) -> bytes:
        return json.dumps(self.document).encode()


class ApiDocs:
    """`/api/docs`"""

    def __init__(self, openapi: OpenApi) -> None:
        self._openapi = openapi

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Every endpoint, or those that match all words of `q`."""
        document, wanted = self._openapi.document, (req.get_param("q") or "")[:100]
        words = set(wanted.lower().split())
        groups: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
        for operation in self._openapi.operations:
            text = self._texts[operation.id]
            if all(word in text for word in words):
                groups[operation.tag].append(operation)
        show_page(
            resp,
            "api_docs.html",
            groups={tag: rows for tag, rows in groups.items() if rows},
            articles=self._articles,
            wanted=wanted,
            about=document["info"]["description"],
            count=sum(map(len, groups.values())),
        )

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {operation.id: operation.text() for operation in self._openapi.operations}

    @cached_property
    def _articles(self) -> dict[str, Markup]:
        return {
            operation.id: rendered("api_operation.html", operation=operation)
            for operation in self._openapi.operations
        }


class ProblemDocs:
    """`/api/docs/problems`, which the `type` of every problem points to."""

    def __init__(self, openapi: OpenApi) -> None:
        self._openapi = openapi

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Every code: its status, what it means, which endpoints answer it."""
        show_rendered(resp, self._page)

    @cached_property
    def _page(self) -> Markup:
        where: dict[str, list[Operation]] = {}
        for operation in self._openapi.operations:
            for code in {code for answer in operation.answers for code in answer.codes}:
                where.setdefault(code, []).append(operation)
        rows = [
            (code, status, title, next_step(code), where.get(code, []))
            for code, (status, title) in sorted(PROBLEMS.items(), key=lambda item: item[1][0])
        ]
        return rendered("api_problems.html", rows=rows)


def read_operations(document: dict[str, Any]) -> Iterator[Operation]:
    """The endpoints of an OpenAPI document, ready to be shown."""
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, spec in operations.items():
            body = (
                spec.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            yield Operation(
                id=spec["operationId"],
                tag=spec["tags"][0],
                method=method.upper(),
                path=path,
                summary=spec["summary"],
                about=spec["description"],
                is_open=spec.get("security") == [],
                parameters=[_parameter(one, schemas) for one in spec["parameters"]],
                body_about=_resolved(body, schemas).get("description", ""),
                body=list(_fields(body, schemas)),
                answers=[
                    _answer(status, answer, schemas)
                    for status, answer in sorted(spec["responses"].items())
                ],
            )


def _parameter(spec: dict[str, Any], schemas: dict[str, Any]) -> FieldRow:
    kind = f"{spec['in']}, {_kind(spec['schema'], schemas)}"
    return FieldRow(spec["name"], kind, bool(spec.get("required")), spec.get("description", ""))


def _answer(status: str, spec: dict[str, Any], schemas: dict[str, Any]) -> AnswerRow:
    content = spec.get("content", {})
    if "application/problem+json" in content:
        codes = [part.strip("` ") for part in spec["description"].split("·")]
        return AnswerRow(status, "", codes, "", [])
    schema = content.get("application/json", {}).get("schema", {})
    # where there are two shapes, the second is `Accepted`, which every POST may answer
    shape = _resolved(schema.get("anyOf", [schema])[0], schemas)
    about = shape.get("description", "")
    return AnswerRow(status, spec["description"], [], about, list(_fields(shape, schemas)))


def _fields(
    schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "", depth: int = 1
) -> Iterator[FieldRow]:
    """The fields of a schema, nested ones with dotted names."""
    whole = _resolved(schema, schemas)
    for name, spec in whole.get("properties", {}).items():
        inner = [(dots, _resolved(one, schemas)) for dots, one in _references(spec)]
        about = [spec.get("description"), *(one.get("description") for _, one in inner)]
        yield FieldRow(
            prefix + name,
            _kind(spec, schemas),
            name in whole.get("required", []),
            next(filter(None, about), ""),
        )
        for dots, one in inner if depth < DEEPEST else ():
            yield from _fields(one, schemas, f"{prefix}{name}{dots}", depth + 1)


def _references(spec: dict[str, Any], dots: str = ".") -> Iterator[tuple[str, dict[str, Any]]]:
    """The references in a field's schema, each with what joins its own name and those of the fields
    in it: `.`, `[].` for a list, `.*.` for any names.
    """
    if "$ref" in spec:
        yield dots, spec
    for one in spec.get("anyOf", ()):
        yield from _references(one, dots)
    if "items" in spec:
        yield from _references(spec["items"], "[].")
    if isinstance(spec.get("additionalProperties"), dict):
        yield from _references(spec["additionalProperties"], ".*.")


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return found


def _kind(spec: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A type in words: `text`, `integer from 1 to 100`, `"sent" or "draft"`, `list of …`."""
    if "anyOf" in spec:
        return " or ".join(_kind(one, schemas) for one in spec["anyOf"])
    if "const" in spec or "enum" in spec:
        return " or ".join(f"“{value}”" for value in spec.get("enum", [spec.get("const")]))
    if "$ref" in spec:
        whole = _resolved(spec, schemas)
        return "object" if "properties" in whole else _kind(whole, schemas)
    if spec.get("type") == "array":
        return f"list of {_kind(spec.get('items', {}), schemas)}"
    words = {"string": "text", "null": "null", "boolean": "true or false"}.get(
        spec.get("type", ""), spec.get("type", "anything")
    )
    words = {"date-time": "time", "date": "date", "uuid": "UUID"}.get(spec.get("format", ""), words)
    least = spec.get(
        "minimum", spec["exclusiveMinimum"] + 1 if "exclusiveMinimum" in spec else None
    )
    limits = [
        f"from {least}" if least is not None else "",
        f"to {spec['maximum']}" if "maximum" in spec else "",
    ]
    return " ".join([words, *(limit for limit in limits if limit)])

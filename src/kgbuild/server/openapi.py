"""The description of all that is public, for programs: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from starlette.routing import BaseRoute, Route

from kgbuild import __version__
from kgbuild.engines.formats import content_type
from kgbuild.namespaces import BASE
from kgbuild.questions.named import THEMES, Question, default_terms
from kgbuild.questions.values import CONCEPT_TYPES, ENTITY_TYPES, Parameter, write_value
from kgbuild.server.languages import LABELS
from kgbuild.server.negotiation import HTML, PROBLEM, SHORT_NAMES

Schema = dict[str, Any]

RESULTS: Final = ("json", "xml", "csv", "tsv")
_GRAPHS: Final = ("ttl", "nt", "jsonld", "rdf", "trig")
_TEXT: Final[Schema] = {"type": "string"}
_FORMAT: Final = {
    "name": "format",
    "in": "query",
    "description": "The format of the answer, in place of an Accept header.",
}
_LANGUAGE: Final = {
    "name": "lang",
    "in": "query",
    "description": f"The language of a page: {', '.join(LABELS)}. Others count as not said.",
    "schema": {"type": "string", "examples": list(LABELS)},
}
_SOURCES: Final = {
    "name": "sources",
    "in": "query",
    "description": "With 1, the answer as JSON or page tells for each row who says what it rests on.",
    "schema": {"type": "string", "examples": ["1"]},
}


def describe(public: str, questions: Mapping[str, Question], routes: Iterable[BaseRoute]) -> Schema:
    """Describe the server at an address: each question, and each other route of the table that is not a question's.

    What is asked by the routes that other modules add is told in general words where none are written here.
    """
    paths: dict[str, Schema] = {}
    for route in routes:
        if isinstance(route, Route) and route.path not in ("/questions", "/questions/{name}"):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            paths[path] = _KNOWN[path]() if path in _KNOWN else _general(path)
    paths |= {f"/questions/{name}": _question(question) for name, question in questions.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ICN, the Intergovernmental Cooperation Networks knowledge graph",
            "version": __version__,
            "description": "Every answer leads back to the article that says so. Read-only; no key is needed.",
            "license": {"name": "CC BY 4.0", "identifier": "CC-BY-4.0"},
        },
        "servers": [{"url": public}],
        "tags": [
            *({"name": name, "description": title["en"]} for name, title in THEMES.items()),
            {"name": "server", "description": "What is beside the questions"},
        ],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, "Results": _RESULTS},
            "responses": {"Problem": {"description": "Why there is no answer", "content": _problem_content()}},
        },
    }


def list_questions(questions: Mapping[str, Question]) -> list[Schema]:
    """List the questions for programs: what each asks, its parameters with their defaults, its columns."""
    return [
        {
            "name": question.name,
            "theme": question.theme,
            "title": dict(question.title),
            "question": question.question,
            "parameters": [
                {**_facts(each), "default": _default(question, each) or None} for each in question.parameters.values()
            ],
            "columns": dict(question.columns),
            "address": f"/questions/{question.name}",
        }
        for question in questions.values()
    ]


def write(content: object) -> bytes:
    """Write JSON for people and programs, the same bytes each time."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


# --- questions ----------------------------------------------------------------------------------------------------


def _facts(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "about": parameter.about,
        "optional": parameter.optional,
    }


def _default(question: Question, parameter: Parameter) -> str:
    return write_value(parameter, default_terms(question)[parameter.name])


def _question(question: Question) -> Schema:
    parameters = [_parameter(question, each) for each in question.parameters.values()]
    columns = "\n".join(f"- `{name}`: {about}" for name, about in question.columns.items())
    formats = {**_FORMAT, "schema": {"type": "string", "enum": [*RESULTS, "html"]}}
    content = {content_type(SHORT_NAMES[name]): {"schema": _TEXT} for name in RESULTS[1:]}
    results = {SHORT_NAMES["json"]: {"schema": {"$ref": "#/components/schemas/Results"}}}
    return _get(
        operation=question.name,
        tag=question.theme,
        summary=question.title["en"],
        description=f"{question.question}\n\nColumns:\n\n{columns}",
        parameters=[*parameters, formats, _LANGUAGE, _SOURCES],
        content={**results, **content, **_html()},
        refused=("400", "406"),
    )


def _parameter(question: Question, parameter: Parameter) -> Schema:
    """Describe a parameter; what is optional may also be empty, as a form sends it."""
    schema = _schema(parameter)
    default = _default(question, parameter)
    return {
        "name": parameter.name,
        "in": "query",
        "description": f"{parameter.about[:1].upper()}{parameter.about[1:]}{_WRITTEN.get(_sort(parameter), '')}.",
        "required": False,
        "schema": {"anyOf": [schema, {"const": ""}]} if parameter.optional else {**schema, **_given(schema, default)},
        **({"allowEmptyValue": True} if parameter.optional else {}),
    }


def _sort(parameter: Parameter) -> str:
    return "thing" if parameter.type in (*ENTITY_TYPES, *CONCEPT_TYPES) else parameter.type


def _given(schema: Schema, default: str) -> Schema:
    return {"default": int(default) if schema["type"] == "integer" else default}


_WRITTEN: Final = {
    "thing": ": an id, a name, a prefixed name or an IRI",
    "fact": ": an id, a prefixed name or an IRI",
}


def _schema(parameter: Parameter) -> Schema:
    return dict(_SCHEMAS.get(parameter.type, {"type": "string", "minLength": 1}))


_SCHEMAS: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "year": {"type": "integer", "minimum": 1000, "maximum": 9999},
}


# --- the other routes ---------------------------------------------------------------------------------------------


def _get(
    *,
    operation: str,
    tag: str = "server",
    summary: str,
    description: str = "",
    parameters: list[Schema] | None = None,
    content: Schema,
    refused: tuple[str, ...] = (),
) -> Schema:
    """Describe what GET does; every address also answers HEAD and OPTIONS."""
    problem = {"$ref": "#/components/responses/Problem"}
    got: Schema = {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        **({"description": description} if description else {}),
        "parameters": parameters or [],
        "responses": {
            "200": {"description": "The answer", "content": content},
            "304": {"description": "What the client has is what there is"},
            **dict.fromkeys(refused, problem),
            "default": problem,
        },
    }
    return {"get": got}


def _html() -> Schema:
    return {f"{HTML}; charset=utf-8": {"schema": _TEXT}}


def _problem_content() -> Schema:
    return {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}, **_html()}


def _general(path: str) -> Schema:
    """Describe a route of which nothing more is known here than its address."""
    names = re.findall(r"\{(\w+)\}", path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]
    operation = "get" + re.sub(r"[^A-Za-z0-9]+", "-", path).rstrip("-")
    return _get(operation=operation, summary=path, parameters=parameters, content={"*/*": {}})


def _sparql() -> Schema:
    formats = {**_FORMAT, "schema": {"type": "string", "examples": [*RESULTS, *_GRAPHS, "html"]}}
    graphs = [
        {
            "name": name,
            "in": "query",
            "description": f"{what}; may stand several times.",
            "schema": {"type": "array", "items": _TEXT},
            "explode": True,
        }
        for name, what in (("default-graph-uri", "A default graph"), ("named-graph-uri", "A named graph"))
    ]
    query = {
        "name": "query",
        "in": "query",
        "description": "The query; without one, the service is described.",
        "schema": {"type": "string", "examples": ["SELECT ?x { ?x a icn:Network }"]},
    }
    types = [SHORT_NAMES[name] for name in (*RESULTS, *_GRAPHS)]
    content: Schema = {content_type(name): {"schema": _TEXT} for name in types}
    content[SHORT_NAMES["json"]] = {"schema": {"anyOf": [{"$ref": "#/components/schemas/Results"}, _ANSWER]}}
    content[SHORT_NAMES["jsonld"]] = {"schema": {}}
    asked = _get(
        operation="sparql",
        summary="Ask in SPARQL 1.1",
        description="The SPARQL 1.1 Protocol, also with POST.",
        parameters=[query, *graphs, formats, _LANGUAGE, _SOURCES],
        content={**content, **_html()},
        refused=("400", "403", "406", "413", "503"),
    )
    body = {"required": True, "content": {"application/sparql-query": {"schema": _TEXT}, _FORM: {"schema": _FORM_BODY}}}
    post = {**asked["get"], "operationId": "sparql-post", "requestBody": body, "parameters": [formats, _SOURCES]}
    return {"get": asked["get"], "post": post}


_FORM: Final = "application/x-www-form-urlencoded"
_FORM_BODY: Final = {"type": "object", "properties": {"query": _TEXT}, "required": ["query"]}


def _search() -> Schema:
    parameters = [
        {"name": "q", "in": "query", "description": "A name, or the beginning of its words.", "schema": _TEXT},
        {"name": "kind", "in": "query", "description": "Only things of this kind.", "schema": _TEXT},
        {"name": "page", "in": "query", "description": "The page of the list, from 1.", "schema": _TEXT},
        _LANGUAGE,
    ]
    summary = "Find things by a name that they have or had"
    return _get(operation="search", summary=summary, parameters=parameters, content={"*/*": {}}, refused=("400",))


def _thing(operation: str, summary: str) -> Schema:
    parameters = [
        {"name": name, "in": "path", "required": True, "description": what, "schema": _TEXT}
        for name, what in (("kind", "The kind of the thing: network, institution"), ("slug", "Its id"))
    ]
    found = _get(operation=operation, summary=summary, parameters=parameters, content={"*/*": {}}, refused=("404",))
    if operation == "id":
        responses = found["get"]["responses"]
        responses.pop("200")
        responses |= {
            "301": {"description": "The thing has another id now"},
            "303": {"description": "Where the thing is described"},
            "410": {"$ref": "#/components/responses/Problem"},
        }
    return found


def _health() -> Schema:
    content = {"text/plain; charset=utf-8": {"schema": _TEXT}}
    return _get(operation="health", summary="Whether the server is ready", content=content, refused=("503",))


def _index() -> Schema:
    content = {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}, **_html()}
    formats = {**_FORMAT, "schema": {"type": "string", "enum": ["json", "html"]}}
    return _get(operation="questions", summary="List the questions", parameters=[formats, _LANGUAGE], content=content)


def _described() -> Schema:
    return _get(operation="openapi", summary="This description", content={"application/json": {"schema": {}}})


_KNOWN: Final[Mapping[str, Callable[[], Schema]]] = {
    "/sparql": _sparql,
    "/search": _search,
    "/healthz": _health,
    "/questions/": _index,
    "/openapi.json": _described,
    "/id/{kind}/{slug}": lambda: _thing("id", "Lead from a thing to its description"),
    "/doc/{kind}/{slug}": lambda: _thing("doc", "Describe a thing"),
}


# --- schemas ------------------------------------------------------------------------------------------------------

_TERM: Final[Schema] = {
    "type": "object",
    "required": ["type", "value"],
    "properties": {
        "type": {"enum": ["uri", "literal", "bnode"]},
        "value": _TEXT,
        "datatype": _TEXT,
        "xml:lang": _TEXT,
    },
}
_RESULTS: Final[Schema] = {
    "description": "SPARQL 1.1 Query Results JSON",
    "type": "object",
    "required": ["head", "results"],
    "properties": {
        "head": {"type": "object", "properties": {"vars": {"type": "array", "items": _TEXT}}},
        "results": {
            "type": "object",
            "required": ["bindings"],
            "properties": {"bindings": {"type": "array", "items": {"type": "object", "additionalProperties": _TERM}}},
        },
    },
}
_ANSWER: Final[Schema] = {"type": "object", "required": ["boolean"], "properties": {"boolean": {"type": "boolean"}}}
_PROBLEM: Final[Schema] = {
    "description": "RFC 9457",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [f"{BASE}problem/bad-parameter"]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "description": "Of a bad-parameter: what is wrong with which, and what may be meant.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["parameter", "detail", "suggestions"],
                "properties": {
                    "parameter": _TEXT,
                    "detail": _TEXT,
                    "suggestions": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["id", "name"],
                            "properties": {"id": _TEXT, "name": _TEXT, "iri": _TEXT},
                        },
                    },
                },
            },
        },
    },
}

"""The description of all that is public, for programs: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.routing import BaseRoute, Route

from kgbuild import __version__
from kgbuild.core.namespaces import BASE
from kgbuild.questions.named import THEMES, Question, default_terms
from kgbuild.questions.values import CONCEPT_TYPES, ENTITY_TYPES, Parameter, write_value
from kgbuild.server.http.languages import LABELS
from kgbuild.server.http.negotiation import HTML, PROBLEM, SHORT_NAMES
from kgbuild.sparql.formats import content_type

Schema = dict[str, Any]

RESULTS: Final = ("json", "xml", "csv", "tsv")
_GRAPHS: Final = ("ttl", "nt", "jsonld", "rdf", "trig")
_TEXT: Final[Schema] = {"type": "string"}
_PAGE_TYPE: Final = f"{HTML}; charset=utf-8"
_PAGE_CONTENT: Final[Schema] = {_PAGE_TYPE: {"schema": _TEXT}}


def _asked(name: str, description: str, **schema: Any) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": {**_TEXT, **schema}}


def _format(**schema: Any) -> Schema:
    return _asked("format", "The format of the answer, in place of an Accept header.", **schema)


_LANGUAGE: Final = _asked(
    "lang", f"The language of a page: {', '.join(LABELS)}. Others count as not said.", examples=list(LABELS)
)
_SOURCES: Final = _asked(
    "sources",
    "With 1, the answer as JSON or page tells for each row who says what it rests on.",
    enum=["1", "0", "true", "false", "yes", "no", ""],
)


def describe(
    public: str, questions: Mapping[str, Question], routes: Iterable[BaseRoute], free_sparql: bool = True
) -> Schema:
    """Describe the server at an address: each question, and each other route of the table that is not a question's.

    Without `free_sparql` there is no endpoint to speak of.  What each answers with is written in `ROUTES`, by the path
    in the table.
    """
    paths: dict[str, Schema] = {}
    for route in routes:
        if isinstance(route, Route) and route.path != QUESTION and (free_sparql or route.path != "/sparql"):
            paths[_bare(route.path)] = ROUTES[route.path].describe(route.path)
    paths |= {f"/questions/{name}": _question(question) for name, question in questions.items()}
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}, **_PAGE_CONTENT}
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
            "responses": {"Problem": {"description": "Why there is no answer", "content": content}},
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
                {
                    "name": each.name,
                    "type": each.type,
                    "about": each.about,
                    "optional": each.optional,
                    "default": _default(question, each) or None,
                }
                for each in question.parameters.values()
            ],
            "columns": dict(question.columns),
            "address": f"/questions/{question.name}",
        }
        for question in questions.values()
    ]


def write(content: object) -> bytes:
    """Write JSON for people and programs, the same bytes each time."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _default(question: Question, parameter: Parameter) -> str:
    return write_value(parameter, default_terms(question)[parameter.name])


def _question(question: Question) -> Schema:
    parameters = [_parameter(question, each) for each in question.parameters.values()]
    columns = "\n".join(f"- `{name}`: {about}" for name, about in question.columns.items())
    formats = _format(enum=[*RESULTS, "html"])
    content = {content_type(SHORT_NAMES[name]): {"schema": _TEXT} for name in RESULTS[1:]}
    results = {SHORT_NAMES["json"]: {"schema": {"$ref": "#/components/schemas/Results"}}}
    about = {
        "tags": [question.theme],
        "summary": question.title["en"],
        "description": f"{question.question}\n\nColumns:\n\n{columns}",
    }
    parameters += [formats, _LANGUAGE, _SOURCES]
    return _get(
        question.name, about, parameters, {**results, **content, **_PAGE_CONTENT}, "200 304 400 404 406 429 503 504"
    )


def _parameter(question: Question, parameter: Parameter) -> Schema:
    """Describe a parameter; what is optional may also be empty, as a form sends it."""
    schema = _SCHEMAS.get(parameter.type, {"type": "string", "minLength": 1})
    default = _default(question, parameter)
    given = {**schema, "default": int(default) if schema["type"] == "integer" else default}
    kind = "thing" if parameter.type in (*ENTITY_TYPES, *CONCEPT_TYPES) else parameter.type
    return {
        "name": parameter.name,
        "in": "query",
        "description": f"{parameter.about[:1].upper()}{parameter.about[1:]}{_WRITTEN.get(kind, '')}.",
        "required": False,
        **(
            {"schema": {"anyOf": [schema, {"const": ""}]}, "allowEmptyValue": True}
            if parameter.optional
            else {"schema": given}
        ),
    }


_WRITTEN: Final = {
    "thing": ": an id, a name, a prefixed name or an IRI",
    "fact": ": an id, a prefixed name or an IRI",
}
_SCHEMAS: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "year": {"type": "integer", "minimum": 1000, "maximum": 9999},
}


_STATUSES: Final = {
    "200": "The answer",
    "206": "A part of the file",
    "301": "The thing has another id now, or the address another form",
    "303": "Where what is asked for is described",
    "304": "What the client has is what there is",
}
"""Status -> what it says, where it is no problem."""
_ANY_REQUEST: Final = ("400", "408", "414", "431", "503")
"""What any request may get: one that cannot be read, is too large or too slow, or one too many."""


def _get(operation: str, about: Schema, parameters: list[Schema], content: Schema, statuses: str) -> Schema:
    """Describe what GET does; every address also answers HEAD and OPTIONS."""
    problem = {"$ref": "#/components/responses/Problem"}
    listed = sorted({*statuses.split(), *_ANY_REQUEST})
    responses: dict[str, Schema] = {
        status: {"description": _STATUSES[status]} if status in _STATUSES else problem for status in listed
    }
    for status in {"200", "206"} & set(responses):
        responses[status] = {**responses[status], "content": content}
    described = {"parameters": parameters, "responses": {**responses, "default": problem}}
    return {"get": {"operationId": operation, **about, **described}}


def _bare(path: str) -> str:
    """Write a path of the table without the kinds of its parameters."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


_PAGE: Final = _asked("page", "The page, from 1, of what does not fit on one.", pattern="^[1-9][0-9]{0,5}$")
_AS_DCAT: Final = _format(examples=[*_GRAPHS, "html"])
_AS_THING: Final = _format(enum=[*_GRAPHS, "html"])
_AS_LIST: Final = _format(enum=["json", "html"])
_RDF: Final = tuple(content_type(SHORT_NAMES[name]) for name in _GRAPHS)
_JSON_OR_PAGE: Final = ("application/json", _PAGE_TYPE)
_THING: Final = "200 301 304 400 404 406 410 503 504"


@dataclass(frozen=True)
class Operation:
    """What GET of a route does: in words, with which parameters, media types and statuses."""

    summary: str
    content: tuple[str, ...]
    statuses: str = "200 304"
    parameters: tuple[Schema, ...] = ()
    is_free: bool = False
    """Whether it is answered whatever the client has used up."""

    def describe(self, path: str) -> Schema:
        """Describe it in OpenAPI."""
        statuses = self.statuses if self.is_free else f"{self.statuses} 429"
        if path == "/sparql":
            return _sparql(self.summary, statuses)
        names = re.findall(r"\{(\w+)", path)
        inside = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]
        operation = re.sub(r"[^A-Za-z0-9]+", "-", _bare(path)).strip("-") or "home"
        content: Schema = {media_type: {} for media_type in self.content}
        about = {"tags": ["server"], "summary": self.summary}
        return _get(operation, about, [*inside, *self.parameters], content, statuses)


QUESTION: Final = "/questions/{name}"
"""The route of the named questions, each of which is described by itself."""
_DESCRIBE: Final = Operation("Describe what has this IRI", (*_RDF, _PAGE_TYPE), _THING, (_AS_THING, _PAGE, _LANGUAGE))
_ONTOLOGY: Final = Operation("Give the ontology", (*_RDF, _PAGE_TYPE), _THING, (_AS_THING, _LANGUAGE))
_SHAPES: Final = Operation(
    "Give the SHACL profile", (*_RDF, _PAGE_TYPE), "200 304 400 404 406 410", (_AS_DCAT, _LANGUAGE)
)
_CONTEXT: Final = Operation("Give the JSON-LD context", ("application/ld+json", "application/json"), "200 304 404 406")
_DCAT: Final = (_AS_DCAT, _LANGUAGE)
_SEARCHED: Final = (
    _asked("q", "A name, or the beginning of its words."),
    _asked("kind", "Only things of this kind."),
    _asked("page", "The page of the list, from 1."),
    _AS_LIST,
    _LANGUAGE,
)
ROUTES: Final[Mapping[str, Operation]] = {
    "/": Operation("The first page", (_PAGE_TYPE,), "200 304 503", (_LANGUAGE,)),
    "/sparql": Operation("Ask in SPARQL 1.1", (), "200 304 400 403 406 413 503 504"),
    "/questions/": Operation("List the questions", _JSON_OR_PAGE, "200 304 400 406", (_AS_LIST, _LANGUAGE)),
    "/openapi.json": Operation("This description", ("application/json",)),
    "/id/{path:path}": Operation(
        "Lead from a thing to its description", (), "301 303 400 404 410 503 504", (_AS_THING, _PAGE)
    ),
    "/doc/{path:path}": _DESCRIBE,
    "/date/{path:path}": _DESCRIBE,
    "/vocabulary/{path:path}": _DESCRIBE,
    "/graph/{path:path}": _DESCRIBE,
    "/ontology": _ONTOLOGY,
    "/ontology.{suffix}": _ONTOLOGY,
    "/ontology/patterns/{name}": Operation(
        "Show how a kind of fact is written", (*_RDF, _PAGE_TYPE), "200 304 400 404 406 503 504", (_AS_DCAT, _LANGUAGE)
    ),
    "/ontology/{path:path}": _ONTOLOGY,
    "/shapes": _SHAPES,
    "/shapes.{suffix}": _SHAPES,
    "/shapes/{path:path}": _SHAPES,
    "/shape/{name}": Operation("Lead from a shape to its place in the profile", (), "303 404"),
    "/context.jsonld": _CONTEXT,
    "/context/{path:path}": _CONTEXT,
    "/search": Operation(
        "Find things by a name that they have or had", _JSON_OR_PAGE, "200 304 400 406 503", _SEARCHED
    ),
    "/opensearch.xml": Operation("How browsers search here", ("application/opensearchdescription+xml; charset=utf-8",)),
    "/healthz": Operation("Whether a query could run now", ("text/plain; charset=utf-8",), "200 503", is_free=True),
    "/readyz": Operation("Whether a release is served", ("text/plain; charset=utf-8",), "200 503", is_free=True),
    "/style.css": Operation("How pages look", ("text/css; charset=utf-8",), is_free=True),
    "/icon.svg": Operation("The icon", ("image/svg+xml",), is_free=True),
    "/about/persons": Operation("Tell what is kept of persons", (_PAGE_TYPE,), "200 304 503", (_LANGUAGE,)),
    "/.well-known/security.txt": Operation("Whom to tell of faults", ("text/plain; charset=utf-8",), "200 304 404"),
    "/dataset": Operation("Describe the data set in DCAT", (*_RDF, _PAGE_TYPE), "200 304 400 406", _DCAT),
    "/.well-known/void": Operation("Describe the data set in VoID", _RDF, "200 303 304 400 406", _DCAT),
    "/releases/": Operation("List the releases", (*_RDF, _PAGE_TYPE), "200 304 400 404 406", _DCAT),
    "/releases/{id}": Operation("Describe a release", _RDF, "200 303 304 400 404 406 410", _DCAT),
    "/releases/{id}/{file}": Operation("Give a file of a release", ("*/*",), "200 206 304 404 410 416"),
    "/robots.txt": Operation("What crawlers are kept off", ("text/plain; charset=utf-8",)),
    "/sitemap.xml": Operation("List the parts of the sitemap", ("application/xml; charset=utf-8",)),
    "/sitemap-{number}.xml": Operation("List pages", ("application/xml; charset=utf-8",), "200 304 404"),
    "/metrics": Operation("Figures for Prometheus, for who has the token", ("*/*",), "200 401 404"),
}
"""Path in the table of routes -> what it answers with; a test holds the two to each other."""


def _sparql(summary: str, statuses: str) -> Schema:
    formats = _format(examples=[*RESULTS, *_GRAPHS, "html"])
    graphs = [
        {**_asked(name, f"{what}; may stand several times."), "schema": _list(_TEXT), "explode": True}
        for name, what in (("default-graph-uri", "A default graph"), ("named-graph-uri", "A named graph"))
    ]
    query = _asked(
        "query", "The query; without one, the service is described.", examples=["SELECT ?x { ?x a icn:Network }"]
    )
    types = [SHORT_NAMES[name] for name in (*RESULTS, *_GRAPHS)]
    content: Schema = {content_type(name): {"schema": _TEXT} for name in types}
    content[SHORT_NAMES["json"]] = {"schema": {"anyOf": [{"$ref": "#/components/schemas/Results"}, _ANSWER]}}
    content[SHORT_NAMES["jsonld"]] = {"schema": {}}
    about = {
        "tags": ["server"],
        "summary": summary,
        "description": "The SPARQL 1.1 Protocol, also with POST.",
    }
    parameters = [query, *graphs, formats, _LANGUAGE, _SOURCES]
    asked = _get("sparql", about, parameters, {**content, **_PAGE_CONTENT}, statuses)
    form = {"schema": {"type": "object", "properties": {"query": _TEXT}, "required": ["query"]}}
    content = {"application/sparql-query": {"schema": _TEXT}, "application/x-www-form-urlencoded": form}
    body = {"required": True, "content": content}
    responses = {**asked["get"]["responses"], "415": {"$ref": "#/components/responses/Problem"}}
    posted = {"operationId": "sparql-post", "requestBody": body, "parameters": [formats, _SOURCES]}
    return {"get": asked["get"], "post": {**asked["get"], **posted, "responses": responses}}


def _object(required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TERM: Final = _object(
    "type value",
    **{"type": {"enum": ["uri", "literal", "bnode"]}, "value": _TEXT, "datatype": _TEXT, "xml:lang": _TEXT},
)
_RESULTS: Final[Schema] = {
    "description": "SPARQL 1.1 Query Results JSON",
    **_object(
        "head results",
        head={"type": "object", "properties": {"vars": _list(_TEXT)}},
        results=_object("bindings", bindings=_list({"type": "object", "additionalProperties": _TERM})),
    ),
}
_ANSWER: Final = _object("boolean", boolean={"type": "boolean"})
_SUGGESTION: Final = _object("id name", id=_TEXT, name=_TEXT, iri=_TEXT)
_ERROR: Final = _object("parameter detail suggestions", parameter=_TEXT, detail=_TEXT, suggestions=_list(_SUGGESTION))
_WRONG: Final = "Of a bad-parameter: what is wrong with which, and what may be meant."
_PROBLEM: Final[Schema] = {
    "description": "RFC 9457",
    **_object(
        "type title status detail",
        type={"type": "string", "format": "uri", "examples": [f"{BASE}problem/bad-parameter"]},
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        errors={"description": _WRONG, **_list(_ERROR)},
    ),
}

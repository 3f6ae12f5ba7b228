"""Named questions as web addresses: `/questions/<name>?parameter=value`, read, bound and answered as queries are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from kgbuild.core.errors import UsageError
from kgbuild.core.terms import Term
from kgbuild.questions.lookup import Candidate
from kgbuild.questions.named import Question, bind, default_terms, near_names
from kgbuild.questions.values import Parameter, ParameterError, read_value, write_value
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import (
    Prepared,
    accepted,
    document,
    read_format,
    read_pairs,
    respond,
    send_response,
    wants_sources,
)
from kgbuild.server.exchange.kept_documents import send_kept
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http import limits
from kgbuild.server.http.languages import reader_of
from kgbuild.server.http.negotiation import HTML, RESULT_OFFERS, SHORT_NAMES, VARY, best, wants_html
from kgbuild.server.http.problems import Problem, problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages import question as question_pages
from kgbuild.server.pages.query import FORMATS
from kgbuild.server.pages.rendering import write_address
from kgbuild.server.routes import openapi
from kgbuild.sparql.lookups import LookUp
from kgbuild.workers.spool import Answer

RESERVED: Final = frozenset({"format", "lang", "sources"})
"""Parameters that every question has; none may have one of its own so called."""
DESCRIBED: Final = '</openapi.json>; rel="describedby"; type="application/json"'
_LONGEST_LINKED: Final = 500
"""Characters of an address up to which its other formats are told in a header."""
_JSON: Final = "application/json"


async def index(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """List the questions: a page, or JSON."""
    service: Service = scope["service"]
    pairs = read_pairs(scope["query_string"])
    accept = accepted(read_format(pairs), scope) or ""
    offered = (_JSON, SHORT_NAMES["json"])
    if wants_html(accept, offered):
        reader = reader_of(scope)
        make = partial(asyncio.to_thread, question_pages.index_page, service, reader)
        await send_kept(scope, send, make, HTML, reader.here)
        return
    if best(accept, offered) is None:
        raise problem("not-acceptable", f"Available: {_JSON}, {HTML}.", available=[_JSON, HTML])

    async def make_list() -> Response:
        body = openapi.write(openapi.list_questions(service.settings.questions))
        return document(_JSON, body, {"Vary": VARY, "Link": DESCRIBED})

    await send_kept(scope, send, make_list, _JSON)


async def openapi_document(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Describe all that is public, in OpenAPI."""
    service: Service = scope["service"]

    async def make() -> Response:
        settings, public = service.settings, address(service, scope)
        described = openapi.describe(public, settings.questions, scope["router"].routes, settings.free_sparql)
        return document(_JSON, openapi.write(described))

    await send_kept(scope, send, make)


async def question(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a question with the parameters of the address; those left out have their defaults."""
    service: Service = scope["service"]
    asked = _find(service, scope["path_params"]["name"])
    pairs = read_pairs(scope["query_string"])
    accept = accepted(read_format(pairs), scope)
    given, errors = _read_given(asked, pairs)
    values, wrong = await _read_values(service, asked, given)
    errors = [*errors, *wrong]
    if not errors:
        sources = wants_sources(pairs)
        await respond(_Asked(scope, asked, values, accept, sources=sources), scope, receive, send)
        return
    found = _bad_parameters(errors)
    if not wants_html(accept, RESULT_OFFERS):
        raise found
    told = {each["parameter"]: each for each in found.extra["errors"]}
    texts = _shown(asked, values) | given
    shown = question_pages.ShownQuestion(service, asked, texts, "", f"/questions/{asked.name}", reader_of(scope), told)
    scope["refused"] = found  # counted as one that is raised
    await send_response(scope, await question_pages.refused_page(shown, found), send)


class _Asked(Prepared):
    def __init__(
        self, scope: Scope, question: Question, values: Mapping[str, Term | None], accept: str | None, *, sources: bool
    ) -> None:
        self.question, self.values, self.sources = question, _all_values(question, values), sources
        self.texts = _shown(question, values)
        offers: tuple[tuple[str, ...], tuple[str, ...]] = (RESULT_OFFERS, ())
        query = bind(question, values)
        super().__init__(scope, query, accept, offers, sources=sources, asked_by=f"question {question.name}")

    def address(self, format_: str = "") -> str:
        return path_of(self.question, self.texts, format_, sources=self.sources)

    def links(self) -> dict[str, str]:
        if len(path_of(self.question, self.texts)) > _LONGEST_LINKED:
            return {"Link": DESCRIBED}
        others = [(path_of(self.question, self.texts, name), SHORT_NAMES[name]) for name in FORMATS["table"]]
        formats = [f'<{path}>; rel="alternate"; type="{media_type}"' for path, media_type in others]
        return {"Link": ", ".join([DESCRIBED, *formats])}

    async def page(self, answer: Answer) -> Response:
        reader = replace(self.reader, here=self.address())  # the same however the page was asked for
        plain = path_of(self.question, self.texts)
        shown = question_pages.ShownQuestion(self.service, self.question, self.texts, self.query, plain, reader)
        return await question_pages.answer_page(shown, self.values, answer)


def path_of(question: Question, texts: Mapping[str, str], format_: str = "", *, sources: bool = False) -> str:
    """Write where a question is asked with these values, relative to the server; empty ones are left out."""
    others = [("sources", "1" if sources else ""), ("format", format_)]
    return write_address(f"/questions/{question.name}", [*texts.items(), *others])


def _all_values(question: Question, values: Mapping[str, Term | None]) -> dict[str, Term | None]:
    return {**default_terms(question), **values}


def _shown(question: Question, values: Mapping[str, Term | None]) -> dict[str, str]:
    """Write all values, given or not, as people give them."""
    return {name: write_value(question.parameters[name], term) for name, term in _all_values(question, values).items()}


def _find(service: Service, name: str) -> Question:
    questions = service.settings.questions
    if name in questions:
        return questions[name]
    near = near_names(name, questions)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    detail = f"There is no question '{name[:200]}'.{meant} All are listed at /questions/."
    suggestions = [{"id": each, "name": questions[each].title["en"]} for each in near]
    raise problem("not-found", detail, suggestions=suggestions)


def _read_given(question: Question, pairs: list[tuple[str, str]]) -> tuple[dict[str, str], list[ParameterError]]:
    """Sort out the parameters of the question; the errors are of those that it does not have, or has once only.

    Of many wrong ones the first few are told: each is compared with those that there are.
    """
    given: dict[str, str] = {}
    errors: list[ParameterError] = []
    for name, text in pairs:
        if name in RESERVED or len(errors) == limits.FINDINGS:
            continue
        if name not in question.parameters:
            known = ", ".join(question.parameters) or "none"
            near = near_names(name, question.parameters)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            finding = f"There is no parameter '{name[:200]}'.{meant} The question has: {known}."
            meant_ones = [Candidate("", each, question.parameters[each].about) for each in near]
            errors.append(ParameterError(finding, name[:200], finding, meant_ones))
        elif given.setdefault(name, text) != text:
            finding = "It is given twice, with two values. Give it once."
            errors.append(ParameterError(f"Parameter '{name}': {finding}", name, finding))
    return given, errors


async def _read_values(
    service: Service, question: Question, texts: Mapping[str, str]
) -> tuple[dict[str, Term | None], list[ParameterError]]:
    """Read all values at once, so that whoever gave several wrong ones is told of each."""
    read = await asyncio.gather(
        *(drive(service, _read_value(question.parameters[name], text)) for name, text in texts.items())
    )
    errors = [found for found in read if isinstance(found, ParameterError)]
    values = {name: found for name, found in zip(texts, read, strict=True) if not isinstance(found, ParameterError)}
    return values, errors


def _read_value(parameter: Parameter, text: str) -> LookUp[Term | ParameterError | None]:
    try:
        return (yield from read_value(parameter, text))
    except ParameterError as found:
        return found
    except UsageError as found:  # an IRI that is none
        return ParameterError(str(found), parameter.name, str(found))


def _bad_parameters(errors: list[ParameterError]) -> Problem:
    """Tell of every wrong parameter at once."""
    members = [
        {"parameter": each.parameter, "detail": each.finding, "suggestions": list(map(_suggestion, each.near))}
        for each in errors
    ]
    return problem("bad-parameter", " ".join(map(str, errors)), errors=members)


def _suggestion(near: Candidate) -> dict[str, str]:
    return {"id": near.id, "name": near.name, **({"iri": near.iri} if near.iri else {})}

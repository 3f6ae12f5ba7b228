"""An explanation of why something is in the graph, and how it is written for reading and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from kgbuild.core.namespaces import shorten
from kgbuild.questions.tables import one_line


@dataclass(frozen=True, slots=True)
class ExplainedValue:
    """A value of a property: as written in the graph, and as people read it."""

    property: str
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class ExplainedStatement:
    """What holds: a value, the articles and claims that give it, whether it was inferred, and from what."""

    value: ExplainedValue
    articles: tuple[str, ...]
    """Their ids; of what was inferred, those that state what it follows from."""
    claims: tuple[str, ...]
    inferred: bool
    premises: tuple[ExplainedValue, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A place in an article's text: code points [start, end); `text` only where the text is at hand."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ExplainedClaim:
    """One claim: our paraphrase, where the article says it, and the values this article gives."""

    claim: str
    body: str
    says: tuple[str, ...]
    passages: tuple[Passage, ...]
    gives: tuple[ExplainedValue, ...]
    inferred: tuple[str, ...]
    named_as: tuple[str, ...]
    because: tuple[str, ...]
    rank: str


@dataclass(frozen=True, slots=True)
class ExplainedArticle:
    """An article with its claims on the thing; what was not printed in it is an empty text."""

    article: str
    title: str
    publisher: str
    agency: str
    published: str
    url: str
    voices: tuple[ExplainedClaim, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """A placeholder that the thing resolves, or what denies it, with the articles that claim it."""

    placeholder: str
    sources: tuple[ExplainedArticle, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A property on which articles differ: what was kept, what set aside, and the rule that decided."""

    property: str
    kept: str
    set_aside: tuple[str, ...]
    decided_by: str


@dataclass(frozen=True, slots=True)
class Mention:
    """Something else that has the thing as its value."""

    subject: str
    name: str
    property: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All there is to say about why a thing is in the graph."""

    iri: str
    name: str
    statements: tuple[ExplainedStatement, ...]
    sources: tuple[ExplainedArticle, ...]
    resolves: tuple[Related, ...]
    resolved_by: tuple[Related, ...]
    denied_by: tuple[Related, ...]
    disagreements: tuple[Disagreement, ...]
    mentions: tuple[Mention, ...]


def format_json(explanation: Explanation) -> str:
    """Write an explanation as JSON: the fields of `Explanation`."""
    return json.dumps(asdict(explanation), ensure_ascii=False, indent=2) + "\n"


def format_explanation(explanation: Explanation) -> str:
    """Write an explanation for reading; what only other vocabularies call by another name is left to JSON."""
    parts = [
        ("", list(dict.fromkeys((explanation.name, shorten(explanation.iri), explanation.iri)))),
        ("What holds", _statement_lines(explanation.statements)),
        ("Who says so", _article_lines(explanation.sources)),
        ("What it resolves", _related_lines(explanation.resolves)),
        ("What resolves it", _related_lines(explanation.resolved_by)),
        ("Who denies it", _related_lines(explanation.denied_by)),
        ("Where articles disagree", _disagreement_lines(explanation.disagreements)),
        ("Where it occurs", _mention_lines(explanation.mentions)),
    ]
    return "\n".join(
        "".join(f"{line}\n" for line in ([title] if title else []) + lines) for title, lines in parts if lines
    )


def _statement_lines(statements: Iterable[ExplainedStatement]) -> list[str]:
    lines = []
    for each in statements:
        if each.inferred and not _is_ours(each.value):
            continue
        note = ", ".join(each.articles)
        if each.value.property == "icn:statedIn":
            note = ""  # it is said by the value
        elif each.inferred:
            days = [v.name for v in each.premises if v.value.startswith("date:") and v.value != each.value.value]
            note = "inferred" + "".join(f", {day}" for day in days) + (f": {note}" if note else "")
        lines.append(f"  {_spell(each.value)}" + (f"   [{note}]" if note else ""))
    return lines


def _is_ours(value: ExplainedValue) -> bool:
    """Tell apart what only follows from the alignment with other vocabularies: it says a stated value again."""
    name = value.value if value.property == "rdf:type" else value.property
    return name.startswith(("icn:", "skos:altLabel"))


def _spell(value: ExplainedValue) -> str:
    known = f" ({value.value})" if value.value != value.name and not value.value.startswith('"') else ""
    known = "" if value.value.startswith("date:") else known
    return f"{value.property.removeprefix('icn:')}: {one_line(value.name)}{known}"


def _article_lines(sources: Iterable[ExplainedArticle], indent: str = "  ") -> list[str]:
    lines = []
    for source in sources:
        agency = f"copy of {source.agency}" if source.agency else ""
        origin = ", ".join(filter(None, (source.publisher, agency, source.published or "no date")))
        lines.append(f"{indent}{one_line(source.title)} — {origin}")
        lines += [f"{indent}  {line}" for line in (source.url, source.article) if line]
        for voice in source.voices:
            lines += [f"{indent}  {line}" for line in _claim_lines(voice)]
    return lines


def _claim_lines(voice: ExplainedClaim) -> list[str]:
    mark = {"deprecated": "set aside by the curator: ", "preferred": "preferred by the curator: "}.get(voice.rank, "")
    places = " ".join(f"[{p.start}, {p.end})" for p in voice.passages)
    lines = [f"• {mark}{' / '.join(map(one_line, voice.says))} {places}".rstrip()]
    lines += [f"    text: {one_line(p.text)}" for p in voice.passages if p.text]
    if voice.gives:
        lines.append(f"    gives {'; '.join(_spell(value) for value in voice.gives)}")
    if voice.named_as:
        lines.append(f"    named in the text: {', '.join(map(one_line, voice.named_as))}")
    if voice.inferred:
        lines.append(f"    identity inferred by the curator: {', '.join(voice.inferred)}")
    lines += [f"    because: {one_line(reason)}" for reason in voice.because]
    return lines


def _related_lines(supports: Iterable[Related]) -> list[str]:
    return [line for each in supports for line in (f"  {each.placeholder}", *_article_lines(each.sources, "    "))]


def _disagreement_lines(disagreements: Iterable[Disagreement]) -> list[str]:
    lines = []
    for d in disagreements:
        rule = "contested: no rule decided" if d.decided_by == "tie" else f"decided by {d.decided_by}"
        lines.append(f"  {d.property}: {d.kept} kept, {', '.join(d.set_aside)} set aside, {rule}")
    return lines


def _mention_lines(mentions: Iterable[Mention]) -> list[str]:
    return [f"  {m.property} of {m.subject}" + (f" ({m.name})" if m.name != m.subject else "") for m in mentions]

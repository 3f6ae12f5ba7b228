"""Why something is in the graph: what holds of it, every article that says so and where, and what follows from what."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from kgbuild.engines import Engine, Term, iri
from kgbuild.lookups import run, select
from kgbuild.namespaces import ARTICLE_GRAPH, GRAPH, ONTOLOGY, shorten
from kgbuild.questions.lookup import names_of, write_term
from kgbuild.questions.tables import one_line
from kgbuild.questions.values import find_thing


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a property: as written in the graph, and as people read it."""

    property: str
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What holds: a value, the ids of the articles that state it, and whether it was inferred."""

    value: Value
    articles: tuple[str, ...]
    inferred: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A place in an article's text: code points [start, end); `text` only where the text is at hand."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """One claim: our paraphrase, where the article says it, and the values this article gives."""

    claim: str
    body: str
    says: tuple[str, ...]
    passages: tuple[Passage, ...]
    gives: tuple[Value, ...]
    inferred: tuple[str, ...]
    named_as: tuple[str, ...]
    because: tuple[str, ...]
    rank: str


@dataclass(frozen=True, slots=True)
class Source:
    """An article with its claims on the thing; what was not printed in it is an empty text."""

    article: str
    title: str
    publisher: str
    agency: str
    published: str
    url: str
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Support:
    """A placeholder that the thing resolves, with the articles that claim it."""

    placeholder: str
    sources: tuple[Source, ...]


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
    statements: tuple[Statement, ...]
    sources: tuple[Source, ...]
    resolves: tuple[Support, ...]
    resolved_by: tuple[Support, ...]
    denied_by: tuple[Support, ...]
    disagreements: tuple[Disagreement, ...]
    mentions: tuple[Mention, ...]


def explain(engine: Engine, name: str, texts: Path | None = None) -> Explanation:
    """Explain a thing, given as IRI, prefixed name or id.

    With `texts`, a directory of article texts (*.txt), passages are cut out of those whose hash is the article's.
    Raises UsageError, with the nearest names, for what is not in the graph.
    """
    thing = run(engine, find_thing(name))
    library = _read_texts(texts) if texts else {}
    statements = _statements(engine, thing)
    return Explanation(
        thing,
        run(engine, names_of([thing]))[thing],
        statements,
        _sources(engine, thing, library),
        _supports(engine, f"{_x(thing)} icn:resolves ?other", library),
        _supports(engine, f"?other icn:resolves {_x(thing)}", library),
        _supports(engine, f"?other icn:denies {_x(thing)}", library),
        _disagreements(engine, thing),
        _mentions(engine, thing),
    )


def format_json(explanation: Explanation) -> str:
    """Write an explanation as JSON: the fields of `Explanation`."""
    return json.dumps(asdict(explanation), ensure_ascii=False, indent=2) + "\n"


def format_explanation(explanation: Explanation) -> str:
    """Write an explanation for reading; what only other vocabularies call by another name is left to JSON."""
    heading = [explanation.name]
    if shorten(explanation.iri) != explanation.name:
        heading.append(shorten(explanation.iri))
    parts = [
        ("", [*heading, explanation.iri] if explanation.iri not in heading else heading),
        ("What holds", _statement_lines(explanation.statements)),
        ("Who says so", _source_lines(explanation.sources)),
        ("What it resolves", _support_lines(explanation.resolves)),
        ("What resolves it", _support_lines(explanation.resolved_by)),
        ("Who denies it", _support_lines(explanation.denied_by)),
        ("Where articles disagree", _disagreement_lines(explanation.disagreements)),
        ("Where it occurs", _mention_lines(explanation.mentions)),
    ]
    return "\n".join(
        "".join(f"{line}\n" for line in ([title] if title else []) + lines) for title, lines in parts if lines
    )


# --- asking -------------------------------------------------------------------------------------------------------


def _x(thing: str) -> str:
    return write_term(iri(thing))


def _ask(engine: Engine, body: str) -> list[dict[str, Term]]:
    return run(engine, select(body, "explain"))


def _statements(engine: Engine, thing: str) -> tuple[Statement, ...]:
    x = _x(thing)
    records = _ask(engine, f"SELECT DISTINCT ?p ?v ?g {{ {x} ?p ?v OPTIONAL {{ GRAPH ?g {{ {x} ?p ?v }} }} }}")
    graphs: dict[tuple[Term, Term], set[str]] = defaultdict(set)
    for record in records:
        graphs[record["p"], record["v"]].add(record["g"].value if "g" in record else "")
    names = run(engine, names_of([t.value for key in graphs for t in key if t.kind == "iri"]))
    made = [_statement(p, v, found, names) for (p, v), found in graphs.items()]
    return tuple(sorted(made, key=lambda s: (s.inferred, s.value.property, s.value.name, s.value.value)))


def _statement(p: Term, v: Term, graphs: set[str], names: dict[str, str]) -> Statement:
    articles = sorted(g.removeprefix(ARTICLE_GRAPH) for g in graphs if g.startswith(ARTICLE_GRAPH))
    return Statement(_value(p, v, names), tuple(articles), graphs == {GRAPH + "inferred"})


def _value(p: Term, v: Term, names: dict[str, str]) -> Value:
    if v.kind == "iri":
        return Value(shorten(p.value), shorten(v.value), names[v.value])
    return Value(shorten(p.value), v.n3(), v.value)


def _sources(engine: Engine, thing: str, library: dict[str, str]) -> tuple[Source, ...]:
    """List the articles whose claims are about the thing; for an article or a claim, its own claims.

    Read from the article graphs: claims that were set aside are nowhere else.
    """
    x = _x(thing)
    records = _ask(
        engine,
        f"""SELECT DISTINCT ?claim ?body ?article {{ GRAPH ?g {{ ?claim icn:claims ?body ; icn:inArticle ?article
            FILTER (?body = {x} || ?claim = {x} || ?article = {x}) }} }} ORDER BY ?article ?claim ?body""",
    )
    claims: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in records:
        claims[record["article"].value].append((record["claim"].value, record["body"].value))
    made = [_source(engine, article, pairs, library) for article, pairs in claims.items()]
    return tuple(sorted(made, key=lambda source: (source.published or "9999", source.article)))


def _source(engine: Engine, article: str, claims: list[tuple[str, str]], library: dict[str, str]) -> Source:
    facts = _facts(engine, article)
    names = run(engine, names_of([t.value for terms in facts.values() for t in terms if t.kind == "iri"]))

    def one(name: str) -> str:
        return next((names.get(term.value, term.value) for term in facts.get(name, [])), "")

    text = library.get(one("icn:textHash"), "")
    voices = tuple(_voice(engine, claim, body, text) for claim, body in claims)
    title = one("dcterms:title") or one("rdfs:label")
    printed = one("schema:datePublished") or one("icn:published")
    publisher, agency = one("dcterms:publisher"), one("icn:agency")
    return Source(shorten(article), title, publisher, agency, printed, one("schema:url"), voices)


def _facts(engine: Engine, thing: str) -> dict[str, list[Term]]:
    """Read what the graphs say of an article or claim: short name of the property -> values, sorted."""
    found: dict[str, set[Term]] = defaultdict(set)
    for record in _ask(engine, f"SELECT DISTINCT ?p ?v {{ GRAPH ?g {{ {_x(thing)} ?p ?v }} }}"):
        found[shorten(record["p"].value)].add(record["v"])
    return {name: sorted(terms) for name, terms in found.items()}


def _voice(engine: Engine, claim: str, body: str, text: str) -> Voice:
    facts = _facts(engine, claim)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(term.value for term in facts.get(name, []))

    return Voice(
        shorten(claim),
        shorten(body),
        texts("icn:says"),
        _passages(engine, claim, text),
        _given(engine, claim, body),
        tuple(_local(property_) for property_ in texts("icn:infers")),
        texts("icn:namedAs"),
        texts("icn:because"),
        next((rank.rpartition("/")[2] for rank in texts("icn:rank")), "normal"),
    )


def _passages(engine: Engine, claim: str, text: str) -> tuple[Passage, ...]:
    records = _ask(
        engine,
        f"""SELECT DISTINCT ?start ?end {{ GRAPH ?g {{ {_x(claim)} oa:hasTarget/oa:hasSelector ?position .
            ?position oa:start ?start ; oa:end ?end }} }} ORDER BY ?start ?end""",
    )
    places = [(int(record["start"].value), int(record["end"].value)) for record in records]
    return tuple(Passage(start, end, text[start:end]) for start, end in places)


def _given(engine: Engine, claim: str, body: str) -> tuple[Value, ...]:
    """List what the claim asserts of a body, with the values of its own article's graph."""
    records = _ask(
        engine,
        f"""SELECT DISTINCT ?p ?v {{ GRAPH ?g {{ {_x(claim)} icn:asserts ?p . {_x(body)} ?p ?v }} }} ORDER BY ?p ?v""",
    )
    names = run(engine, names_of([record["v"].value for record in records if record["v"].kind == "iri"]))
    return tuple(_value(record["p"], record["v"], names) for record in records)


def _supports(engine: Engine, pattern: str, library: dict[str, str]) -> tuple[Support, ...]:
    found = _ask(
        engine, f"SELECT DISTINCT ?other {{ {{ {pattern} }} UNION {{ GRAPH ?g {{ {pattern} }} }} }} ORDER BY ?other"
    )
    others = [record["other"].value for record in found]
    return tuple(Support(shorten(other), _sources(engine, other, library)) for other in others)


def _disagreements(engine: Engine, thing: str) -> tuple[Disagreement, ...]:
    records = _ask(
        engine,
        f"""SELECT DISTINCT ?p ?kept ?other ?rule {{ ?d icn:about {_x(thing)} ; icn:onProperty ?p ; icn:kept ?kept ;
            icn:setAside ?other ; icn:decidedBy ?rule . ?d a icn:Disagreement }} ORDER BY ?p ?kept ?other""",
    )
    names = run(engine, names_of([t.value for record in records for t in record.values() if t.kind == "iri"]))
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for record in records:
        kept, other = (names.get(record[key].value, record[key].value) for key in ("kept", "other"))
        key = (_local(record["p"].value), kept, record["rule"].value.rpartition("/")[2])
        grouped[key].append(other)
    return tuple(Disagreement(p, kept, tuple(others), rule) for (p, kept, rule), others in grouped.items())


def _mentions(engine: Engine, thing: str) -> tuple[Mention, ...]:
    """List the situations and entities that have the thing as a value: not claims, which stand with their articles."""
    records = _ask(
        engine,
        f"""SELECT DISTINCT ?s ?p {{ ?s ?p {_x(thing)} . FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}"))
            FILTER (?p NOT IN (icn:claims, icn:inArticle, icn:about, icn:resolves, icn:denies, icn:statedIn))
            FILTER NOT EXISTS {{ ?finer rdfs:subPropertyOf ?p . ?s ?finer {_x(thing)} FILTER (?finer != ?p) }} }}
            ORDER BY ?s ?p""",
    )
    names = run(engine, names_of([record["s"].value for record in records]))
    return tuple(
        Mention(shorten(record["s"].value), names[record["s"].value], _local(record["p"].value)) for record in records
    )


def _read_texts(directory: Path) -> dict[str, str]:
    """Read the texts of a directory by the hash of their NFC, LF form: the one that records keep."""
    texts: dict[str, str] = {}
    for path in sorted(directory.glob("*.txt")):
        decoded = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        text = unicodedata.normalize("NFC", decoded)
        texts[hashlib.sha256(text.encode()).hexdigest()] = text
    return texts


def _local(name: str) -> str:
    return shorten(name).partition(":")[2] or name


# --- writing ------------------------------------------------------------------------------------------------------


def _statement_lines(statements: Iterable[Statement]) -> list[str]:
    lines = []
    for each in statements:
        if each.inferred and not _is_ours(each.value):
            continue
        note = "inferred" if each.inferred else ", ".join(each.articles)
        lines.append(f"  {_spell(each.value)}" + (f"   [{note}]" if note else ""))
    return lines


def _is_ours(value: Value) -> bool:
    """Tell apart what only follows from the alignment with other vocabularies: it says a stated value again."""
    name = value.value if value.property == "rdf:type" else value.property
    return name.startswith(("icn:", "skos:altLabel"))


def _spell(value: Value) -> str:
    known = f" ({value.value})" if value.value != value.name and not value.value.startswith('"') else ""
    return f"{_plain(value.property)}: {one_line(value.name)}{known if not value.value.startswith('date:') else ''}"


def _plain(property_: str) -> str:
    return property_.removeprefix("icn:")


def _source_lines(sources: Iterable[Source], indent: str = "  ") -> list[str]:
    lines = []
    for source in sources:
        origin = ", ".join(
            part for part in (source.publisher, _by(source.agency), source.published or "no date") if part
        )
        lines.append(f"{indent}{one_line(source.title)} — {origin}")
        lines += [f"{indent}  {line}" for line in (source.url, source.article) if line]
        for voice in source.voices:
            lines += [f"{indent}  {line}" for line in _voice_lines(voice)]
    return lines


def _by(agency: str) -> str:
    return f"copy of {agency}" if agency else ""


def _voice_lines(voice: Voice) -> list[str]:
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


def _support_lines(supports: Iterable[Support]) -> list[str]:
    lines = []
    for support in supports:
        lines += [f"  {support.placeholder}", *_source_lines(support.sources, "    ")]
    return lines


def _disagreement_lines(disagreements: Iterable[Disagreement]) -> list[str]:
    return [
        f"  {d.property}: {d.kept} kept, {', '.join(d.set_aside)} set aside, {_rule(d.decided_by)}"
        for d in disagreements
    ]


def _rule(decided_by: str) -> str:
    return "contested: no rule decided" if decided_by == "tie" else f"decided by {decided_by}"


def _mention_lines(mentions: Iterable[Mention]) -> list[str]:
    return [f"  {m.property} of {m.subject}" + (f" ({m.name})" if m.name != m.subject else "") for m in mentions]

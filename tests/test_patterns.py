# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The patterns of the ontology: what they show is what the build makes, and each leads to data and to a question."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest
import rdflib
import requests
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, serialize
from rdflib.compare import isomorphic

from kgbuild.build.compilation import Sources, compile_records
from kgbuild.build.graph import CompiledArticle, describe_date
from kgbuild.build.patterns import Pattern, read_patterns
from kgbuild.core.errors import Findings
from kgbuild.core.namespaces import ONTOLOGY, PREFIXES, expand
from kgbuild.core.progress import Silent
from kgbuild.questions.named import load_questions
from mini import ROOT, copy_project, kgbuild_here
from nonempty import nonempty
from serving import BROWSER, PATIENCE, Served

FOLDER = ROOT / "ontology" / "patterns"
NAMES = ("meeting-series", "membership", "name-in-context", "succession", "treaty-action")
SOURCE = """\
source: {{title: A page, language: en, publisher: news-asia, url: "https://example.org/{name}", published: 2026-11-26}}
claims:
{record}"""


@cache
def patterns() -> dict[str, Pattern]:
    findings = Findings()
    read = read_patterns(FOLDER, ROOT, findings)
    assert [] == list(findings)
    return {pattern.name: pattern for pattern in read}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompiledArticle]:
    """Compile the records of all patterns, as articles among our own data."""
    data = tmp_path_factory.mktemp("patterns") / "data"
    shutil.copytree(ROOT / "data", data)
    (data / "articles" / "2026").mkdir(exist_ok=True)
    for name, pattern in patterns().items():
        record = "".join(f"  {line}\n" for line in pattern.record.splitlines())
        path = data / "articles" / "2026" / f"2026-11-26-pattern-{name}.yaml"
        path.write_text(SOURCE.format(name=name, record=record), encoding="utf-8")
    made = compile_records(Sources(data, ROOT / "ontology", ROOT / "queries", root=ROOT), Silent())
    begin = f"{PREFIXES['article']}2026-11-26-pattern-"
    return {a.iri.value.removeprefix(begin): a for a in made.articles if a.iri.value.startswith(begin)}


def turtle_of(article: CompiledArticle) -> str:
    """Write what a record says of the world, with its dates, and without the claim that says it."""
    facts = [triple for claim in article.claims for triple in claim.facts]
    used = {o for _, _, o in facts}
    dates = [quad for date in article.dates for quad in describe_date(date) if quad.subject in used]
    triples = [Quad(*triple).triple for triple in facts] + [quad.triple for quad in dates]
    terms = {part.value for triple in triples for part in (triple.subject, triple.predicate, triple.object)
             if isinstance(part, NamedNode)}  # fmt: skip
    prefixes = {prefix: iri for prefix, iri in PREFIXES.items() if any(term.startswith(iri) for term in terms)}
    prefixes["xsd"] = PREFIXES["xsd"]
    return (serialize(triples, format=RdfFormat.TURTLE, prefixes=prefixes) or b"").decode()


def test_the_patterns_are_these() -> None:
    """Membership, treaty action, succession, name in context, meeting series."""
    assert sorted(NAMES) == sorted(patterns())


@pytest.mark.parametrize("name", NAMES)
def test_turtle_is_what_the_build_makes_of_the_record(compiled: dict[str, CompiledArticle], name: str) -> None:
    """Nobody has typed it; where it differs, the message has what belongs into the file."""
    wanted = turtle_of(compiled[name])
    shown, made = (rdflib.Graph().parse(data=text, format="turtle") for text in (patterns()[name].turtle, wanted))
    assert isomorphic(shown, made), wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_is_complete(name: str, real_store: Store) -> None:
    """Texts in English and Russian, a class that exists, examples in the release, a question that uses its terms."""
    pattern = patterns()[name]
    assert {"en", "ru"} == set(pattern.title) == set(pattern.about)
    class_ = NamedNode(ONTOLOGY + pattern.shows)
    assert any(real_store.quads_for_pattern(class_, None, None))
    for example in nonempty(pattern.examples):
        assert any(real_store.quads_for_pattern(NamedNode(expand(example)), None, None)), example
    typed = real_store.quads_for_pattern(None, NamedNode(expand("rdf:type")), class_, None)
    assert {quad.subject for quad in typed} & {NamedNode(expand(each)) for each in pattern.examples}
    question = load_questions(ROOT / "queries" / "questions")[pattern.question]
    used = set(re.findall(r"\bicn:[a-z]\w+", pattern.turtle)) - {"icn:edtf", "icn:earliest", "icn:latest", "icn:year"}
    assert used & set(re.findall(r"\bicn:[a-z]\w+", question.text))


def links(text: str, begin: str) -> list[str]:
    return re.findall(rf'href="({re.escape(begin)}[^"]*)"', text)


def get(site: Served, path: str, accept: str = BROWSER) -> requests.Response:
    answer = requests.get(site.address + path, headers={"Accept": accept}, timeout=PATIENCE)
    assert 200 == answer.status_code, path
    return answer


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_ontologists_walk(site: Served, language: str) -> None:
    """From the ontology to each pattern with its diagram, to an example that exists, and to the question: by links."""
    start = get(site, f"/ontology?lang={language}").text
    found = links(start, "/ontology/patterns/")
    assert [f"/ontology/patterns/{name}?lang={language}" for name in sorted(NAMES)] == found
    for path in nonempty(found):
        shown = get(site, path).text
        pattern = patterns()[path.rpartition("/")[2].partition("?")[0]]
        assert '<svg class="diagram"' in shown
        assert pattern.title[language] in shown
        examples = [each for begin in ("/doc/",) for each in links(shown, begin)]
        assert len(pattern.examples) == len(examples)
        for example in nonempty(examples):
            get(site, example)
        (question,) = links(shown, "/questions/" + pattern.question)
        get(site, question)
        (class_,) = links(shown, f"/ontology?lang={language}#")
        assert f'id="{class_.rpartition("#")[2]}"' in start


@pytest.mark.parametrize(("format_", "parser"), [("text/turtle", "turtle"), ("application/ld+json", "json-ld")])
def test_programs_get_the_triples(site: Served, format_: str, parser: str) -> None:
    """The same address gives RDF to who asks for it."""
    answer = get(site, "/ontology/patterns/membership", format_)
    wanted = rdflib.Graph().parse(data=patterns()["membership"].turtle, format="turtle")
    assert isomorphic(wanted, rdflib.Graph().parse(data=answer.text, format=parser))


def test_there_is_no_other_pattern(site: Served) -> None:
    """It is said, with where those are that exist."""
    answer = requests.get(f"{site.address}/ontology/patterns/nothing", timeout=PATIENCE)
    assert (404, True) == (answer.status_code, "/ontology lists" in answer.text)


def test_a_broken_pattern_is_a_finding_at_its_line(tmp_path: Path) -> None:
    """A pattern is read as records are: what is missing is told before anything is built."""
    folder = copy_project(tmp_path)
    (folder / "ontology" / "patterns" / "membership.yaml").write_text("title: {en: A}\nshown: Membership\n", "utf-8")
    done = kgbuild_here(folder, "validate")
    assert 1 == done.returncode
    assert any(line.startswith("ontology/patterns/membership.yaml:2:") for line in done.stderr.splitlines())

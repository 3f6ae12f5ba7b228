# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The ontology's reference: every term of core.ttl with all that it says, languages apart, diagrams for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
import requests
from pyoxigraph import RdfFormat, Store
from rdflib import OWL, RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef

from kgbuild.build.catalogue.reference import make_reference
from kgbuild.questions.named import load_questions
from kgbuild.server.pages.diagrams import DiagramText, Node, Part, situation_diagram, tree_diagram, width_of
from kgbuild.server.pages.ontology import questions_using
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import run
from nonempty import nonempty
from serving import BROWSER, PATIENCE, ROOT, Served, serving

ICN = Namespace("https://w3id.org/icn/ontology#")
XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
XML_LANG = "lang"
LANGUAGES = ("en", "ru", "zh", "kk")
TYPES = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)


@pytest.fixture(scope="module")
def core() -> Graph:
    graph = Graph()
    graph.parse(ROOT / "ontology" / "core.ttl")
    return graph


@pytest.fixture(scope="module")
def terms(core: Graph) -> list[URIRef]:
    found = {term for type_ in TYPES for term in core.subjects(RDF.type, type_) if str(term).startswith(ICN)}
    return sorted(term for term in found if isinstance(term, URIRef))


@pytest.fixture(scope="module")
def served(project: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini release, with the named questions."""
    with serving(tmp_path_factory.mktemp("ontology"), build=project / "build") as running:  # type: ignore[operator]
        yield running


def text_of(served: Served, language: str) -> str:
    address = f"{served.address}/ontology?lang={language}"
    answer = requests.get(address, headers={"Accept": BROWSER}, timeout=PATIENCE)
    assert 200 == answer.status_code
    return answer.text


@pytest.fixture(scope="module")
def pages(served: Served) -> dict[str, ET.Element]:
    """Read the page in each language, strictly: an element that is not closed, or an attribute twice, is an error."""
    return {language: parse(text_of(served, language)) for language in LANGUAGES}


def parse(text: str) -> ET.Element:
    """Read a page as XML once its void elements are closed and its boolean attributes have values."""
    text = re.sub(r"<!doctype html>", "", text)
    text = re.sub(r"<(meta|link|input|br|hr|img)\b([^>]*)>", r"<\1\2/>", text)
    text = re.sub(r"<(details|input)\b([^>]*?) (open|required)(?=[ />])", r'<\1\2 \3=""', text)
    return ET.fromstring(text)  # noqa: S314 - our own page


def section(page: ET.Element, name: str) -> ET.Element:
    found = [element for element in page.iter() if element.get("id") == name]
    assert 1 == len(found), name
    return found[0]


def words(element: ET.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def in_language(element: ET.Element, language: str, inherited: str = "") -> Iterator[str]:
    """List the texts that are marked as being in a language."""
    own = element.get("lang") or inherited
    if own == language and element.text:
        yield element.text.strip()
    for child in element:
        yield from in_language(child, language, own)
        if own == language and child.tail:
            yield child.tail.strip()


# --- terms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_has_its_anchor_and_all_its_texts(
    pages: dict[str, ET.Element], core: Graph, terms: list[URIRef], language: str
) -> None:
    """In whatever language a reader comes, each term is there once, with labels, definitions and examples."""
    assert len(terms) > 150
    for term in terms:
        shown = section(pages[language], term.removeprefix(ICN))
        text = words(shown)
        for predicate in (RDFS.label, SKOS.definition, SKOS.example):
            for value in nonempty(core.objects(term, predicate)):
                assert " ".join(str(value).split()) in text, (term, predicate)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readers_language_comes_first(
    pages: dict[str, ET.Element], core: Graph, terms: list[URIRef], language: str
) -> None:
    """The heading of a term is its label in the reader's language, marked as such."""
    for term in nonempty(terms):
        heading = next(element for element in section(pages[language], term.removeprefix(ICN)) if element.tag == "h3")
        name = next(iter(heading))
        label = next(v for v in core.objects(term, RDFS.label) if isinstance(v, Literal) and v.language == language)
        assert (language, str(label)) == (name.get("lang"), words(name))


def test_languages_are_kept_apart(pages: dict[str, ET.Element], core: Graph, terms: list[URIRef]) -> None:
    """Each label and definition stands in an element of its own language: no screen reader mixes them up."""
    for term in nonempty(terms):
        shown = section(pages["en"], term.removeprefix(ICN))
        for predicate in (RDFS.label, SKOS.definition):
            for value in nonempty(core.objects(term, predicate)):
                assert isinstance(value, Literal)
                marked = list(in_language(shown, str(value.language)))
                assert any(" ".join(str(value).split()) in " ".join(text.split()) for text in marked), (term, value)


def test_links_of_a_term_are_those_of_the_ontology(
    pages: dict[str, ET.Element], core: Graph, terms: list[URIRef]
) -> None:
    """Above, below, domain, range, alignments: each is a link, to an anchor that exists or to the standard."""
    page = pages["en"]
    anchors = {element.get("id") for element in page.iter() if element.get("id")}
    relations = (RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, RDFS.seeAlso, OWL.disjointWith)
    count = 0
    for term in nonempty(terms):
        links = {element.get("href") for element in section(page, term.removeprefix(ICN)).iter("a")}
        others = {str(other) for relation in relations for other in core.objects(term, relation)}
        others |= {str(narrower) for relation in relations[:2] for narrower in core.subjects(relation, term)}
        wanted = {f"#{other.removeprefix(ICN)}" if other.startswith(ICN) else other for other in others}
        assert wanted <= links, term
        count += len(wanted)
    assert count > len(terms), "most terms have a link"
    inner = {element.get("href") or "" for element in page.iter("a") if (element.get("href") or "").startswith("#")}
    assert {link[1:] for link in inner} <= anchors


def test_anchors_are_unique(pages: dict[str, ET.Element]) -> None:
    """An anchor that stands twice would lead to the first one only."""
    for page in nonempty(pages.values()):
        anchors = [element.get("id") for element in page.iter() if element.get("id")]
        assert sorted(set(anchors), key=str) == sorted(anchors, key=str)


def test_marks_are_those_of_the_ontology(pages: dict[str, ET.Element], core: Graph, terms: list[URIRef]) -> None:
    """How values are resolved, part of the key: said of these properties and of no others."""
    ways = sorted(set(core.objects(None, ICN.resolution)), key=str)
    for mark, value, text in (
        *((ICN.resolution, way, f"resolution:{str(way).rpartition('/')[2]}") for way in ways),
        (ICN.keyPart, Literal(True), "part of the key"),
    ):
        marked = {term for term in terms if core.value(term, mark) == value}
        shown = set()
        for term in terms:
            marks = [e for e in section(pages["en"], term.removeprefix(ICN)) if e.get("class") == "marks"]
            shown |= {term} if any(words(each) == text for found in marks for each in found) else set()
        assert marked == shown
        assert marked


def test_lists_of_classes_that_exclude_each_other_are_read(pages: dict[str, ET.Element], core: Graph) -> None:
    """`owl:AllDisjointClasses` is a list in RDF; the page says it of each class."""
    for group in nonempty(core.subjects(RDF.type, OWL.AllDisjointClasses)):
        (first,) = core.objects(group, OWL.members)
        members = [str(member) for member in core.items(first)]
        for member in nonempty(members):
            links = {e.get("href") for e in section(pages["en"], member.removeprefix(str(ICN))).iter("a")}
            assert {f"#{other.removeprefix(str(ICN))}" for other in members if other != member} <= links


def test_questions_that_use_a_term_are_named(pages: dict[str, ET.Element]) -> None:
    """A term leads to the named questions whose query has it; comments do not count."""
    questions = load_questions(ROOT / "queries" / "questions")
    using = {
        name
        for name, question in questions.items()
        if any(re.search(r"\bicn:joined\b", line.partition("#")[0]) for line in question.text.splitlines())
    }
    links = {element.get("href") for element in section(pages["en"], "joined").iter("a")}
    assert {f"/questions/{name}?lang=en" for name in using} == {
        link for link in links if (link or "").startswith("/questions/")
    }
    assert using


# --- vocabularies -------------------------------------------------------------------------------------------------


def test_every_concept_is_listed(pages: dict[str, ET.Element]) -> None:
    """Each vocabulary has a section with all its concepts, their labels and definitions."""
    files = sorted((ROOT / "ontology" / "vocabularies").glob("*.ttl"))
    assert len(files) > 20
    for path in files:
        graph = Graph()
        graph.parse(path)
        for scheme in nonempty(graph.subjects(RDF.type, SKOS.ConceptScheme)):
            shown = section(pages["ru"], f"vocabulary-{str(scheme).rpartition('/')[2]}")
            text = words(shown)
            links = {element.get("href") for element in shown.iter("a")}
            for concept in nonempty(graph.subjects(SKOS.inScheme, scheme)):
                assert f"/{str(concept).removeprefix('https://w3id.org/icn/')}?lang=ru" in links
                labels = [str(label) for label in graph.objects(concept, SKOS.prefLabel)]
                definitions = [v for v in graph.objects(concept, SKOS.definition) if getattr(v, "language", "") == "ru"]
                assert [each for each in [*labels, *map(str, definitions)] if " ".join(each.split()) not in text] == []


# --- diagrams -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_diagrams_are_named_and_described(pages: dict[str, ET.Element], language: str) -> None:
    """Each is one image with a title and a description for those who do not see it, and without colours of its own."""
    found = list(pages[language].iter(f"{SVG}svg"))
    assert 2 == len(found)
    for image in found:
        parts = {element.get("id"): element for element in image.iter() if element.get("id")}
        named = (image.get("aria-labelledby") or "").split()
        assert ["img", "title", "desc"] == [image.get("role"), *(parts[name].tag.removeprefix(SVG) for name in named)]
        assert all(words(parts[name]) for name in named)
        assert not {"style", "fill", "stroke"} & {attribute for element in image.iter() for attribute in element.attrib}


def test_the_tree_has_each_class_once(pages: dict[str, ET.Element], core: Graph) -> None:
    """As many boxes as classes, as many lines as classes with one above; nothing lies outside of the picture."""
    tree = next(e for e in pages["en"].iter(f"{SVG}svg") if "tree" in (e.get("aria-labelledby") or ""))
    classes = {term for term in core.subjects(RDF.type, OWL.Class) if str(term).startswith(ICN)}
    labels = sorted(
        str(label)
        for term in classes
        for label in core.objects(term, RDFS.label)
        if getattr(label, "language", "") == "en"
    )
    assert labels == sorted(words(text) for text in tree.iter(f"{SVG}text"))
    lines = [(s, o) for s, o in core.subject_objects(RDFS.subClassOf) if {s, o} <= classes]
    assert len(lines) == len(list(tree.iter(f"{SVG}path")))
    _, _, width, height = map(float, (tree.get("viewBox") or "").split())
    for box in nonempty(tree.iter(f"{SVG}rect")):
        x, y, w, h = (float(box.get(name) or "") for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height


def test_the_situation_shows_key_and_values(pages: dict[str, ET.Element], core: Graph) -> None:
    """What identifies the situation is drawn as its key, the rest is not."""
    image = next(e for e in pages["en"].iter(f"{SVG}svg") if "situation" in (e.get("aria-labelledby") or ""))
    texts = [words(text) for text in image.iter(f"{SVG}text")]
    shown = next(
        t for t in core.transitive_subjects(RDFS.subClassOf, ICN.Situation) if texts[-1] == str(label(core, t))
    )
    own = list(core.subjects(RDFS.domain, shown))
    keys = [term for term in own if core.value(term, ICN.keyPart) == Literal(True)]
    assert len(keys) == len([box for box in image.iter(f"{SVG}rect") if box.get("class") == "key"]) > 1
    assert {str(label(core, term)) for term in own} <= set(texts)


def label(core: Graph, term: object) -> Literal:
    found = core.objects(term, RDFS.label)  # type: ignore[arg-type]
    return next(each for each in found if isinstance(each, Literal) and each.language == "en")


def test_names_in_diagrams_are_escaped() -> None:
    """A label with signs of XML stays a text."""
    caption = DiagramText("x", "<t>", "a & b", "en")
    tree = ET.fromstring(tree_diagram(caption, [Node("<b>&", (Node('"'),))]))  # noqa: S314
    assert ["<b>&", '"'] == sorted((words(text) for text in tree.iter(f"{SVG}text")), reverse=True)
    ET.fromstring(situation_diagram(caption, "<m>", [], [Part("&", "<v>")]))  # noqa: S314


def test_a_wide_letter_needs_more_room() -> None:
    """Boxes hold their texts: a Chinese character is as wide as high."""
    assert width_of("\u5b66\u9662") > 1.5 * width_of("ab")


# --- what is not in the ontology of today -------------------------------------------------------------------------

RETIRED = f"""
<{ICN}Old> <{RDF.type}> <{OWL.Class}> .
<{ICN}Old> <{OWL.deprecated}> "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .
<{ICN}Old> <http://purl.org/dc/terms/isReplacedBy> <{ICN}New> .
<{ICN}New> <{RDF.type}> <{OWL.Class}> .
<{ICN}New> <{RDFS.subClassOf}> <{ICN}New> .
<{ICN}Inner> <{RDF.type}> <{OWL.Class}> .
<{ICN}Inner> <{RDFS.subClassOf}> <{ICN}Old> .
<{ICN}Inner> <{RDFS.subClassOf}> <{ICN}New> .
<{ICN}New> <{RDFS.subClassOf}> <{ICN}Inner> .
<{ICN}loop> <{RDF.type}> <{OWL.ObjectProperty}> .
<{ICN}loop> <{RDFS.domain}> <{ICN}New> .
"""


def test_retired_terms_are_read_with_their_successors() -> None:
    """A term that is retired says so, and what stands for it."""
    store = Store()
    store.load(f"<https://w3id.org/icn/graph/ontology> {{ {RETIRED} }}", format=RdfFormat.TRIG)
    reference = run(EmbeddedEngine(store), make_reference())
    old = reference.terms[str(ICN.Old)]
    assert (True, (str(ICN.New),)) == (old.deprecated, old.replaced_by)
    assert (str(ICN.loop),) == reference.terms[str(ICN.New)].properties
    assert {} == questions_using(reference, {})


def test_a_retired_term_stays_on_the_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Retired terms are marked, labels may be missing, and classes that are above each other end nothing."""
    folder = tmp_path_factory.mktemp("retired")
    data = folder / "retired.trig"
    data.write_text(f"<https://w3id.org/icn/graph/ontology> {{ {RETIRED} }}", "utf-8")
    with serving(folder, data) as running:
        page = parse(text_of(running, "en"))
    old = words(section(page, "Old"))
    assert "retired in favour of New" in old


def test_data_without_the_ontology_have_no_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is said, as a problem."""
    folder = tmp_path_factory.mktemp("none")
    data = folder / "none.nt"
    data.write_text('<http://example.org/a> <http://example.org/b> "c" .\n', "utf-8")
    with serving(folder, data) as running:
        answer = requests.get(f"{running.address}/ontology", headers={"Accept": BROWSER}, timeout=PATIENCE)
    assert (404, True) == (answer.status_code, "without the ontology" in answer.text)


def test_the_page_is_kept(served: Served) -> None:
    """It is made once for each language; then its tag answers."""
    address = f"{served.address}/ontology"
    first = requests.get(address, headers={"Accept": BROWSER}, timeout=PATIENCE)
    tag = first.headers["ETag"]
    again = requests.get(address, headers={"Accept": BROWSER, "If-None-Match": tag}, timeout=PATIENCE)
    assert (304, b"") == (again.status_code, again.content)
    assert "Accept-Language" in first.headers["Vary"]
    other = requests.get(address, headers={"Accept": BROWSER, "Accept-Language": "ru"}, timeout=PATIENCE)
    assert other.headers["ETag"] != tag
    assert "ru" == other.headers["Content-Language"]

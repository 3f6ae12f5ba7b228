"""The ontology and its vocabularies: complete, well described, and in step with what uses them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Store
from rdflib import DCTERMS, FOAF, OWL, RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef, Variable
from rdflib.term import Node

from kgbuild.build.ontology import read_ontology
from kgbuild.build.terminology import Terminology, term_issues
from kgbuild.core.errors import Issue
from kgbuild.core.namespaces import BASE, EXTERNAL, ONTOLOGY, ONTOLOGY_IRI, PREFIXES, SCHEMES, VOCABULARY
from nonempty import nonempty

ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "ontology"
ICN = Namespace(ONTOLOGY)


def words(text: str) -> list[str]:
    """Split a list that is easier to read without quotation marks."""
    return text.split()


CLASSES = words("""
    Academy Accession Act Actor Agreement Article ChangeEvent Claim CountObservation Date Decision Denial
    DiplomaticMission Disagreement Document Founding GovernmentBody Identifier Institution InternationalOrganization
    LastingState LegalFormObservation Meeting MeetingSeries Membership MultilateralPlatform Naming Network Observation
    Occurrence Organ Participation Person Place PoliticalPartyBody Polity PolityStatusObservation Programme Proposal
    Publication Report ResearchInstitute Seat Secretariat Signature Situation Statement StatusObservation Succession
    Suspension Tenure Tie UnidentifiedParty Withdrawn
""")

# What docs/modelling.md §5 marks with (one), (together), (finest) and (wording).
RESOLUTION = {
    "one": words("""
        admitted applied attendanceMode began comparator edition ended endReason expired happened held identifierScheme
        inForce inForceFrom invited joined left legalForm madeOn manner nameKind number office place polityStatus
        presence published scope signedOn speechAct standing status
    """),
    "together": ["venue"],
    "finest": ["planned"],
    "wording": ["wording"],
}

# Those in italics there; then a denial's.
KEY_PARTS = words("""
    accreditedTo act agreement broadOffice candidate candidateTo changed changeType founded holder institution measure
    meeting member nameIn nameOf nameText observed occurredAt organization original participant resulting seatKind
    seatOf setOutIn signatory suspendedFrom suspendedMember tiedFrom tiedTo tieType
    denies
""")

LABEL_LANGUAGES = words("en kk ru zh")
UNREVIEWED = Literal("The labels in Chinese and Kazakh are not yet reviewed by a speaker.", lang="en")
REVIEWED: set[Node] = set()

DATE_DATATYPES = {URIRef(EXTERNAL["xsd"] + name) for name in words("date gYear gYearMonth gMonth gMonthDay gDay")}


def read(paths: Iterable[Path]) -> Graph:
    """Read Turtle files into one graph."""
    graph = Graph()
    for path in paths:
        graph.parse(path)
    return graph


def turtle(body: str) -> Graph:
    """Read Turtle written with the project's prefixes."""
    header = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
    return Graph().parse(data=header + body, format="turtle")


@pytest.fixture(scope="module")
def core() -> Graph:
    """Give the ontology itself."""
    return read([DIRECTORY / "core.ttl"])


@pytest.fixture(scope="module")
def vocabularies() -> Graph:
    """Give all concept schemes."""
    return read(sorted(DIRECTORY.glob("vocabularies/*.ttl")))


@pytest.fixture(scope="module")
def everything(core: Graph, vocabularies: Graph) -> Graph:
    """Give the ontology, the declarations of outside terms, and the concept schemes."""
    return core + read(sorted(DIRECTORY.glob("alignments/*.ttl"))) + vocabularies


def own_terms(graph: Graph) -> list[URIRef]:
    """List the described terms of our namespace."""
    return sorted({s for s in graph.subjects(RDF.type) if isinstance(s, URIRef) and s.startswith(ONTOLOGY)})


def languages(graph: Graph, subject: Node, predicate: URIRef) -> list[str]:
    """List the languages in which a subject has a text: one entry for each text."""
    return sorted(str(o.language) for o in graph.objects(subject, predicate) if isinstance(o, Literal))


def name(term: Node) -> str:
    """Give the local name of one of our terms."""
    return str(term).removeprefix(ONTOLOGY)


# The terms ------------------------------------------------------------------------------------------------------------


def test_ontology_header_names_version_licence_and_namespace(core: Graph) -> None:
    """The ontology says its version, its licence, its namespace, and its title in both languages."""
    ontology = URIRef(ONTOLOGY_IRI)
    version = core.value(ontology, OWL.versionInfo)
    assert OWL.Ontology == core.value(ontology, RDF.type)
    assert URIRef(f"{ONTOLOGY_IRI}/{version}") == core.value(ontology, OWL.versionIRI)
    assert URIRef("https://creativecommons.org/licenses/by/4.0/") == core.value(ontology, DCTERMS.license)
    assert Literal("icn") == core.value(ontology, URIRef(EXTERNAL["vann"] + "preferredNamespacePrefix"))
    assert Literal(ONTOLOGY) == core.value(ontology, URIRef(EXTERNAL["vann"] + "preferredNamespaceUri"))
    assert languages(core, ontology, DCTERMS.title) == ["en", "ru"]
    assert languages(core, ontology, DCTERMS.description) == ["en", "ru"]


def test_ontology_header_answers_what_catalogues_ask(core: Graph) -> None:
    """Who made it and when, how to cite it, what came before, in which state it is: docs/foops.md says what for."""
    ontology = URIRef(ONTOLOGY_IRI)
    asked = [
        DCTERMS[each] for each in words("bibliographicCitation contributor created creator issued modified publisher")
    ]
    asked += [OWL.priorVersion, FOAF.logo, URIRef(EXTERNAL["bibo"] + "status")]
    for property_ in nonempty(asked):
        (value,) = core.objects(ontology, property_)
        if property_ in (DCTERMS.creator, DCTERMS.contributor, DCTERMS.publisher):
            assert core.value(value, FOAF.name)
    version = str(core.value(ontology, OWL.versionInfo))
    assert f"{ONTOLOGY_IRI}/{version}" in str(core.value(ontology, DCTERMS.bibliographicCitation))
    dates = [str(core.value(ontology, DCTERMS[each])) for each in words("created issued modified")]
    assert dates == sorted(dates)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in nonempty(dates))


def test_the_log_of_changes_adds_up(core: Graph, vocabularies: Graph) -> None:
    """The first version's terms, with what each later one added and removed, are those of today."""
    text = (DIRECTORY / "CHANGES.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    *later, first = parts
    terms = set(re.findall(r"`([^`]+)`", first))
    for part in nonempty(reversed(later)):
        rows = re.findall(r"^\| `([^`]+)` \| (new|removed)\b.* \|$", part, re.MULTILINE)
        added, removed = ({term for term, change in rows if change == wanted} for wanted in ("new", "removed"))
        assert len(rows) == len(added | removed), "a term stands twice"
        assert set() == added & terms
        assert removed <= terms
        terms = (terms | added) - removed
    concepts = {*vocabularies.subjects(RDF.type, SKOS.Concept), *vocabularies.subjects(RDF.type, SKOS.ConceptScheme)}
    there = {f"icn:{name(term)}" for term in own_terms(core)} | {
        str(each).removeprefix(VOCABULARY) for each in concepts
    }
    assert (set(), set()) == (there - terms, terms - there), "terms without a row, rows without a term"
    newest = re.match(r"(\S+)", parts[0])
    assert newest
    assert str(core.value(URIRef(ONTOLOGY_IRI), OWL.versionInfo)) == newest[1]


def test_classes_are_those_of_the_model(core: Graph) -> None:
    """The ontology has the 54 classes of the model, and no other."""
    assert len(CLASSES) == 54
    assert sorted(CLASSES) == sorted(name(c) for c in core.subjects(RDF.type, OWL.Class))


def test_every_term_is_described(core: Graph) -> None:
    """Every own term has one label in each of four languages, a definition in two, an example, and who defines it."""
    for term in nonempty(own_terms(core)):
        assert languages(core, term, RDFS.label) == LABEL_LANGUAGES, term
        assert languages(core, term, SKOS.definition) == ["en", "ru"], term
        assert languages(core, term, SKOS.example) == ["en"], term
        assert list(core.objects(term, RDFS.isDefinedBy)) == [URIRef(ONTOLOGY_IRI)], term


def test_every_term_has_one_kind(everything: Graph) -> None:
    """A term is a class, or one kind of property: OWL DL has no term that is two of them."""
    kinds = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}
    declared = {s for s in everything.subjects(RDF.type) if set(everything.objects(s, RDF.type)) & kinds}
    assert set(own_terms(everything)) <= declared
    for term in nonempty(declared):
        assert len(set(everything.objects(term, RDF.type)) & kinds) == 1, term


def test_marks_are_those_of_the_modelling_guide(core: Graph) -> None:
    """How properties are resolved, and the parts of keys, are those of docs/modelling.md, and no others."""
    true = Literal(True)
    for mode, properties in nonempty(RESOLUTION.items()):
        marked = core.subjects(ICN.resolution, URIRef(f"{VOCABULARY}resolution/{mode}"))
        assert sorted(properties, key=str.lower) == sorted(map(name, marked), key=str.lower), mode
    assert sum(map(len, RESOLUTION.values())) == len(list(core.subjects(ICN.resolution)))
    assert sorted(KEY_PARTS) == sorted(name(p) for p in core.subjects(ICN.keyPart, true))
    assert len(KEY_PARTS) == len(list(core.subjects(ICN.keyPart)))


def test_no_date_datatypes(everything: Graph) -> None:
    """Neither a literal nor a range has a date datatype: HermiT gives up on them."""
    assert not [o for o in everything.objects() if isinstance(o, Literal) and o.datatype in DATE_DATATYPES]
    assert not [o for o in everything.objects() if o in DATE_DATATYPES]


def test_no_axiom_that_merges_or_counts(core: Graph) -> None:
    """No functional property, cardinality or import: two sources' dates must stay two things."""
    assert not list(core.subjects(RDF.type, OWL.FunctionalProperty))
    assert not list(core.subjects(RDF.type, OWL.InverseFunctionalProperty))
    assert not list(core.subjects(RDF.type, OWL.Restriction))
    assert not list(core.objects(None, OWL.imports))


@pytest.mark.parametrize(
    "property_",
    ["concerning", "place", "wording", "onBehalfOf", "madeBy", "signedOn", "occurredAt", "dated", "statedIn"],
)
def test_properties_of_many_classes_have_no_domain(core: Graph, property_: str) -> None:
    """A property used with things of many classes has no domain: one would make them situations."""
    assert (ICN[property_], RDF.type, None) in core
    assert (ICN[property_], RDFS.domain, None) not in core


def test_a_claim_alone_stands_under_derivation(core: Graph) -> None:
    """Only a succession is an ORG change, hence an activity, and only a claim is made out of an article."""
    change, derived = URIRef(EXTERNAL["org"] + "ChangeEvent"), URIRef(EXTERNAL["prov"] + "wasDerivedFrom")
    assert [ICN.Succession] == list(core.subjects(RDFS.subClassOf, change))
    assert [ICN.inArticle] == list(core.subjects(RDFS.subPropertyOf, derived))
    assert [URIRef(EXTERNAL["schema"] + "subjectOf")] == list(core.objects(ICN.statedIn, RDFS.subPropertyOf))


def test_blank_nodes_only_make_disjoint_lists(everything: Graph) -> None:
    """The only blank nodes are the sets of disjoint classes and their lists."""
    allowed = {RDF.type, RDF.first, RDF.rest, OWL.members}
    blank = {(s, p) for s, p, _ in everything if not isinstance(s, URIRef)}
    assert {p for _, p in blank} == allowed
    assert {OWL.AllDisjointClasses} == {everything.value(s, RDF.type) for s, p in blank if p == RDF.type}


def test_a_polity_may_be_a_place(core: Graph) -> None:
    """Place is in no list of disjoint classes and does not exclude Polity or Actor."""
    listed = {m for top in core.objects(None, OWL.members) for m in core.items(top)}
    assert ICN.Place not in listed
    excluded = set(core.objects(ICN.Place, OWL.disjointWith))
    assert not excluded & {ICN.Polity, ICN.Actor}
    assert {ICN.Occurrence, ICN.Document, ICN.Situation, ICN.Person} <= excluded


def test_every_example_in_turtle_is_turtle(everything: Graph) -> None:
    """An example that ends like Turtle parses, and uses only terms and concepts that exist."""
    examples = [str(o) for o in everything.objects(None, SKOS.example) if str(o).endswith(" .")]
    assert len(examples) > 100
    known = set(everything.subjects())
    for example in examples:
        used = {term for triple in turtle(example) for term in triple if isinstance(term, URIRef)}
        shown = [w for columns in turtle(example).objects(None, ICN.featured) for w in words(str(columns))]
        used |= {ICN[each] for each in shown}
        assert not [t for t in used if str(t).startswith((ONTOLOGY, VOCABULARY)) and t not in known], example


def unreplaced(graph: Graph) -> list[str]:
    """List the retired terms without a replacement that exists and is not retired itself."""
    retired = set(graph.subjects(OWL.deprecated, Literal(True)))
    good = set(graph.subjects(RDF.type)) - retired
    return sorted(str(t) for t in retired if not set(graph.objects(t, DCTERMS.isReplacedBy)) & good)


def test_every_retired_term_names_its_replacement(everything: Graph) -> None:
    """A term or concept that is retired names one in use, and a retired one without it is found."""
    assert unreplaced(everything) == []
    seeded = turtle("""
        icn:Old a owl:Class ; owl:deprecated true ; dcterms:isReplacedBy icn:New . icn:New a owl:Class .
        icn:Lost a owl:Class ; owl:deprecated true .
        icn:Round a owl:Class ; owl:deprecated true ; dcterms:isReplacedBy icn:Lost .
    """)
    assert unreplaced(seeded) == [ONTOLOGY + "Lost", ONTOLOGY + "Round"]


# How things are shown -------------------------------------------------------------------------------------------------

PARTS = re.compile(r"\{([^{}]*)\}")
PRESENTED = words("""
    Academy Accession Agreement Article ChangeEvent Claim CountObservation Date Decision Denial DiplomaticMission
    Disagreement Founding GovernmentBody Institution InternationalOrganization LegalFormObservation Meeting
    MeetingSeries Membership MultilateralPlatform Naming Network Organ Participation Person Place PoliticalPartyBody
    Polity PolityStatusObservation Programme Proposal Publication ResearchInstitute Seat Secretariat Signature
    Statement StatusObservation Succession Suspension Tenure Tie UnidentifiedParty
""")
NAMED_BY_CAPTION = words("Claim Date Disagreement UnidentifiedParty")


def parts_of(caption: str) -> set[str]:
    """List the properties that a caption names."""
    return {name for part in PARTS.findall(caption) for name in part.split("|")}


def test_classes_that_pages_list_say_how(core: Graph) -> None:
    """Each class that is listed has a plural label in four languages, columns that exist, and a place of its own."""
    assert sorted(PRESENTED) == sorted({name(c) for c in core.subjects(ICN.pluralLabel)})
    properties = {name(p) for p in own_terms(core) if (p, RDF.type, OWL.Class) not in core}
    orders = []
    for class_ in nonempty(ICN[each] for each in PRESENTED):
        assert languages(core, class_, ICN.pluralLabel) == LABEL_LANGUAGES, class_
        (featured,) = core.objects(class_, ICN.featured)
        assert words(str(featured)), class_
        assert set(words(str(featured))) <= properties, class_
        orders += [int(str(o)) for o in core.objects(class_, ICN.displayOrder)]
    assert len(PRESENTED) == len(orders) == len(set(orders))


def test_what_has_no_name_of_its_own_has_a_caption(core: Graph) -> None:
    """Each kind of situation, and what else is called by a caption, has one in four languages, with equal parts."""
    captioned = {ICN[each] for each in NAMED_BY_CAPTION}
    between = {ICN.Situation, ICN.Act, ICN.LastingState, ICN.Report}
    below = set(core.transitive_subjects(RDFS.subClassOf, ICN.Situation)) - between
    assert len(below) > 15
    for class_ in below | captioned:
        above = [c for c in core.transitive_objects(class_, RDFS.subClassOf) if (c, ICN.caption, None) in core]
        assert above, class_
    properties = {name(p) for p in own_terms(core) if (p, RDF.type, OWL.Class) not in core}
    for term in nonempty(set(core.subjects(ICN.caption))):
        assert languages(core, term, ICN.caption) == LABEL_LANGUAGES, term
        used = [parts_of(str(caption)) for caption in core.objects(term, ICN.caption)]
        assert all(each == used[0] for each in nonempty(used)), term
        assert used[0], term
        assert used[0] <= properties, term


def test_properties_are_shown_in_an_order(core: Graph) -> None:
    """No two properties share a place, each reverse label is in four languages, and every column has a place."""
    properties = [p for p in core.subjects(ICN.displayOrder) if (p, RDF.type, OWL.Class) not in core]
    orders = [str(core.value(p, ICN.displayOrder)) for p in properties]
    assert len(orders) == len(set(orders)) > 100
    for property_ in nonempty(set(core.subjects(ICN.reverseLabel))):
        assert languages(core, property_, ICN.reverseLabel) == LABEL_LANGUAGES, property_
    columns = {ICN[each] for text in core.objects(None, ICN.featured) for each in words(str(text))}
    assert columns <= set(properties)


def test_what_goes_without_saying_is_marked(everything: Graph) -> None:
    """The usual concept of a scheme is marked, at most one in each."""
    usual = [str(c) for c in everything.subjects(ICN.usual, Literal(True))]
    assert sorted(usual) == [VOCABULARY + "comparator/equal", VOCABULARY + "standing/member"]


# The vocabularies -----------------------------------------------------------------------------------------------------


def test_every_scheme_has_its_file() -> None:
    """Each scheme that the program knows has one file, named after it, that describes this scheme alone."""
    assert sorted(SCHEMES.values()) == sorted(p.stem for p in DIRECTORY.glob("vocabularies/*.ttl"))
    for path in nonempty(DIRECTORY.glob("vocabularies/*.ttl")):
        graph = read([path])
        assert [URIRef(VOCABULARY + path.stem)] == list(graph.subjects(RDF.type, SKOS.ConceptScheme))
        outside = [c for c in graph.subjects() if not str(c).startswith(VOCABULARY + path.stem)]
        assert outside == []


def test_every_scheme_is_described(vocabularies: Graph) -> None:
    """A scheme has a label in four languages and a definition in two."""
    for scheme in nonempty(vocabularies.subjects(RDF.type, SKOS.ConceptScheme)):
        assert languages(vocabularies, scheme, SKOS.prefLabel) == LABEL_LANGUAGES, scheme
        assert languages(vocabularies, scheme, SKOS.definition) == ["en", "ru"], scheme


def test_every_concept_is_described(vocabularies: Graph) -> None:
    """A concept has a label in four languages and a definition in two, its scheme, and its slug as notation."""
    concepts = list(vocabularies.subjects(RDF.type, SKOS.Concept))
    assert len(concepts) == len(set(concepts)) > 100
    for concept in concepts:
        scheme, _, slug = str(concept).rpartition("/")
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug), concept
        assert languages(vocabularies, concept, SKOS.prefLabel) == LABEL_LANGUAGES, concept
        assert languages(vocabularies, concept, SKOS.definition) == ["en", "ru"], concept
        assert list(vocabularies.objects(concept, SKOS.inScheme)) == [URIRef(scheme)], concept
        assert list(vocabularies.objects(concept, SKOS.notation)) == [Literal(slug)], concept


SCRIPTS = {"en": r"[A-Za-z]", "ru": r"[А-яЁё]", "kk": r"[А-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі]", "zh": r"[\u4e00-\u9fff]"}
ACRONYMS = ("EDTF", "ISSN")
LABELS = (RDFS.label, SKOS.prefLabel, ICN.pluralLabel, ICN.reverseLabel)


def in_wrong_script(graph: Graph) -> list[str]:
    """List the labels with no letter of the script of their language, or with letters of another one."""
    labels = {o for p in LABELS for o in graph.objects(None, p) if isinstance(o, Literal)}
    wrong = []
    for label in labels - {Literal(word, lang=language) for word in ACRONYMS for language in SCRIPTS}:
        others = {r"[A-Za-z]", r"[\u4e00-\u9fff]", SCRIPTS["kk"]} - {SCRIPTS[label.language or ""]}
        others -= {SCRIPTS["kk"]} if label.language == "ru" else set()
        if not re.search(SCRIPTS[label.language or ""], label) or any(re.search(other, label) for other in others):
            wrong.append(label.n3())
    return sorted(wrong)


def test_every_label_is_in_the_script_of_its_language(everything: Graph) -> None:
    """No label stands under the tag of another language: Latin, Cyrillic and Han are not mixed up."""
    ours = Graph()
    for s, p, o in everything:
        if str(s).startswith((ONTOLOGY, VOCABULARY)):
            ours.add((s, p, o))
    assert in_wrong_script(ours) == []
    seeded = turtle("""icn:A rdfs:label "学院"@kk , "академия"@zh , "Академия"@en , "academy"@ru , "академия"@kk .""")
    assert in_wrong_script(seeded) == sorted(('"学院"@kk', '"академия"@zh', '"Академия"@en', '"academy"@ru'))


def test_mended_labels_stay(everything: Graph) -> None:
    """A translation that a review mended (tests/fixtures/labels.csv) is not lost again by an edit beside it."""
    properties = {
        "label": (RDFS.label, SKOS.prefLabel),
        "plural": (ICN.pluralLabel,),
        "reverse": (ICN.reverseLabel,),
        "caption": (ICN.caption,),
    }
    with (ROOT / "tests" / "fixtures" / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in nonempty(csv.DictReader(file)):
            term, label = URIRef(BASE + row["term"]), Literal(row["label"], row["language"])
            assert label in {o for p in properties[row["property"]] for o in everything.objects(term, p)}, row


def test_labels_that_no_speaker_has_read_are_marked(core: Graph, vocabularies: Graph) -> None:
    """The ontology and each scheme say that their Chinese and Kazakh labels are not reviewed.

    Whoever has read a file takes its note away, and enters it in REVIEWED.
    """
    files = {URIRef(ONTOLOGY_IRI), *vocabularies.subjects(RDF.type, SKOS.ConceptScheme)}
    assert files - REVIEWED == set((core + vocabularies).subjects(SKOS.editorialNote, UNREVIEWED))
    assert files >= REVIEWED


# Pitfalls: each is a query without rows, and each is shown to find what it is for -------------------------------------

PITFALLS = {
    "a property without a label": (
        """SELECT ?x WHERE { VALUES ?kind { owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty }
           ?x a ?kind ; rdfs:isDefinedBy <https://w3id.org/icn/ontology> .
           FILTER NOT EXISTS { ?x rdfs:label ?any } }""",
        "icn:seeded a owl:ObjectProperty ; rdfs:isDefinedBy <https://w3id.org/icn/ontology> .",
    ),
    "a cycle of classes": (
        "SELECT ?x WHERE { ?x rdfs:subClassOf+ ?x }",
        "icn:A rdfs:subClassOf icn:B . icn:B rdfs:subClassOf icn:C . icn:C rdfs:subClassOf icn:A .",
    ),
    "a cycle of properties": (
        "SELECT ?x WHERE { ?x rdfs:subPropertyOf+ ?x }",
        "icn:a rdfs:subPropertyOf icn:b . icn:b rdfs:subPropertyOf icn:a .",
    ),
    "a cycle of concepts": (
        "SELECT ?x WHERE { ?x skos:broader+ ?x }",
        "office:a skos:broader office:b . office:b skos:broader office:a .",
    ),
    "a class or property that nothing declares": (
        """SELECT ?x WHERE { ?term rdfs:subClassOf|rdfs:subPropertyOf|rdfs:domain|owl:disjointWith ?x .
           FILTER NOT EXISTS { ?x a ?any } }""",
        "icn:Seeded rdfs:subClassOf icn:Nowhere .",
    ),
    "a range that is neither a class nor a datatype": (
        """SELECT ?x WHERE { ?term rdfs:range ?x . FILTER NOT EXISTS { ?x a owl:Class }
           FILTER (!STRSTARTS(STR(?x), STR(xsd:))) }""",
        "icn:seeded a owl:ObjectProperty ; rdfs:range icn:Nowhere .",
    ),
    "two domains or ranges, which OWL reads as their intersection": (
        "SELECT ?x WHERE { VALUES ?p { rdfs:domain rdfs:range } ?x ?p ?a , ?b . FILTER (?a != ?b) }",
        "icn:seeded rdfs:domain icn:Meeting , icn:Agreement .",
    ),
    "a property under one of another kind": (
        """SELECT ?x WHERE { ?x rdfs:subPropertyOf ?above ; a ?kind . ?above a ?other .
           VALUES ?kind { owl:ObjectProperty owl:DatatypeProperty }
           FILTER (?kind = owl:ObjectProperty && ?other = owl:DatatypeProperty
             || ?kind = owl:DatatypeProperty && ?other = owl:ObjectProperty) }""",
        "icn:a a owl:DatatypeProperty ; rdfs:subPropertyOf icn:b . icn:b a owl:ObjectProperty .",
    ),
    "an object property with a literal range, or a datatype property with a class": (
        """SELECT ?x WHERE { ?x a ?kind ; rdfs:range ?range . BIND (STRSTARTS(STR(?range), STR(xsd:)) AS ?literal)
           FILTER (?kind = owl:ObjectProperty && ?literal || ?kind = owl:DatatypeProperty && !?literal) }""",
        "icn:seeded a owl:ObjectProperty ; rdfs:range xsd:integer .",
    ),
    "a class under two that exclude each other": (
        """SELECT ?x WHERE { ?x rdfs:subClassOf* ?a , ?b .
           { ?a owl:disjointWith ?b } UNION
           { ?set owl:members/rdf:rest*/rdf:first ?a ; owl:members/rdf:rest*/rdf:first ?b . FILTER (?a != ?b) } }""",
        "[] a owl:AllDisjointClasses ; owl:members ( icn:A icn:B ) . icn:C rdfs:subClassOf icn:A , icn:B .",
    ),
    "two terms of one kind with one label": (
        """SELECT ?x WHERE { ?x rdfs:label ?label ; a ?kind . ?y rdfs:label ?label ; a ?kind . FILTER (?x != ?y) }""",
        'icn:a a owl:Class ; rdfs:label "same"@en . icn:b a owl:Class ; rdfs:label "same"@en .',
    ),
    "two concepts of one scheme with one label": (
        """SELECT ?x WHERE { ?x skos:prefLabel ?label ; skos:inScheme ?s .
           ?y skos:prefLabel ?label ; skos:inScheme ?s . FILTER (?x != ?y) }""",
        'office:a skos:inScheme office:s ; skos:prefLabel "x"@en . '
        'office:b skos:inScheme office:s ; skos:prefLabel "x"@en .',
    ),
    "a concept under one of another scheme": (
        "SELECT ?x WHERE { ?x skos:broader ?y ; skos:inScheme ?s . FILTER NOT EXISTS { ?y skos:inScheme ?s } }",
        "office:a skos:broader act:report ; skos:inScheme office:s .",
    ),
    "a concept that is not exactly one of: a top concept, under one other": (
        """SELECT ?x WHERE { ?x a skos:Concept
           { FILTER NOT EXISTS { ?x skos:topConceptOf|skos:broader ?any } } UNION
           { ?x skos:topConceptOf ?s ; skos:broader ?y } UNION { ?x skos:broader ?y , ?z . FILTER (?y != ?z) } }""",
        "office:a a skos:Concept .",
    ),
}


def rows(graph: Graph, query: str) -> list[str]:
    """Run a query that selects ?x, and list what it found."""
    namespaces = {prefix: PREFIXES[prefix] for prefix in ("icn", "owl", "rdf", "rdfs", "skos", "xsd")}
    return sorted({str(row[Variable("x")]) for row in graph.query(query, initNs=namespaces).bindings})


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_ontology_is_free_of(everything: Graph, pitfall: str) -> None:
    """The ontology and the vocabularies are free of the pitfall."""
    assert rows(everything, PITFALLS[pitfall][0]) == []


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_pitfall_is_found(pitfall: str) -> None:
    """The query finds the pitfall where it is."""
    query, seed = PITFALLS[pitfall]
    assert rows(turtle(seed), query)


# What uses the ontology -----------------------------------------------------------------------------------------------

# What the build reads, it looks through itself (tests/test_terminology.py); here is what else names terms.
USERS = ("src/**/*.py", "queries/**/*.md", "ontology/*.md", "ontology/examples/*.ttl", "docs/*.md")
CALLED = re.compile(r'\bicn\("([A-Za-z]+)"')
"""The program's `icn("joined")`."""
SEVERAL = re.compile(r"\bmap\(icn, \([^)]*\)")
"""The program's `map(icn, ("joined", "left"))`, perhaps over several lines."""


def unknown_terms(root: Path, known: Terminology) -> list[str]:
    """List `path:line: finding` for each unknown term."""
    issues: list[Issue] = []
    files = {path for pattern in USERS for path in root.glob(pattern) if path.is_file()}
    gone = {root / "ontology" / "CHANGES.md", root / "docs" / "second-edition.md"}  # which name what is no more
    for path in sorted(files - gone):
        text = CALLED.sub(r"icn:\1", path.read_text(encoding="utf-8"))
        text = SEVERAL.sub(lambda found: re.sub(r'"(\w+)"', r"icn:\1", found[0]), text)
        issues += term_issues(text, path.relative_to(root).as_posix(), known)
    return [f"{issue.place.path}:{issue.place.line}: {issue.finding}" for issue in sorted(issues)]


def test_every_term_in_use_exists() -> None:
    """Code, docs and examples use only terms and concepts that exist."""
    assert unknown_terms(ROOT, Terminology(read_ontology(DIRECTORY, ROOT))) == []


def test_an_unknown_term_in_use_is_found(tmp_path: Path) -> None:
    """The scan finds an unknown term in each of its spellings, and leaves known ones and `icn:p` alone."""
    for path, text in {
        "src/kgbuild/b.py": 'icn("leaving")\nicn("joined")\n"urn:icn:probe"\nmap(icn, ("joined",\n  "leaves"))',
        "docs/c.md": f"icn:p stands for a property, <{ONTOLOGY}Membershipp> is none",
        "ontology/examples/d.ttl": "<x> icn:joined standing:membr .",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert unknown_terms(tmp_path, Terminology(read_ontology(DIRECTORY, ROOT))) == [
        "docs/c.md:1: there is no term 'icn:Membershipp'",
        "ontology/examples/d.ttl:1: there is no term 'standing:membr'",
        "src/kgbuild/b.py:1: there is no term 'icn:leaving'",
        "src/kgbuild/b.py:5: there is no term 'icn:leaves'",
    ]


HEADER = re.compile(r"^\s*(?:@prefix|PREFIX)\s+([A-Za-z-]*):\s*<([^>]*)>", re.MULTILINE)


def strange_prefixes(path: Path) -> list[str]:
    """List the prefixes that a file declares otherwise than kgbuild.core.namespaces does, or that are unknown there."""
    declared = HEADER.findall(path.read_text(encoding="utf-8"))
    return [prefix for prefix, iri in declared if PREFIXES.get(prefix) != iri]


@pytest.mark.parametrize(
    "path",
    sorted(str(p.relative_to(ROOT)) for kind in ("ttl", "ru") for p in DIRECTORY.rglob(f"*.{kind}")),
)
def test_prefixes_are_those_of_the_program(path: str) -> None:
    """A file of the ontology declares each prefix as the program does."""
    assert strange_prefixes(ROOT / path) == []


def test_a_strange_prefix_is_found(tmp_path: Path) -> None:
    """A prefix spelled otherwise, or unknown, is found in Turtle and in SPARQL."""
    path = tmp_path / "a.ttl"
    path.write_text(
        "@prefix schema: <http://schema.org/> .\nPREFIX icn: <https://w3id.org/icn/ontology#>\nPREFIX x: <y>",
        encoding="utf-8",
    )
    assert strange_prefixes(path) == ["schema", "x"]


# Examples -------------------------------------------------------------------------------------------------------------

MADE_UP = " # a made-up example"
OURS = "|".join(sorted(prefix for prefix, iri in PREFIXES.items() if re.match(f"{BASE}(id|date|vocabulary)/", iri)))
NAMED = re.compile(rf"(?<![\w:-])({OURS}):([A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)")


def named_in(example: str) -> list[str]:
    """List the IRIs of things, dates and concepts that an example names."""
    written = re.findall(f"<({BASE}(?:id|date|vocabulary)/[^>]+)>", example)
    return [*written, *(PREFIXES[prefix] + slug for prefix, slug in NAMED.findall(example))]


def test_examples_exist_or_say_that_they_are_made_up(core: Graph, vocabularies: Graph, real_store: Store) -> None:
    """Whoever follows an IRI of an example finds it in the release; what is made up says so, and is called example."""
    examples = [str(text) for graph in (core, vocabularies) for text in graph.objects(None, SKOS.example)]
    known = {quad.subject.value for quad in real_store if isinstance(quad.subject, NamedNode)}
    missing = [(text, iri) for text in examples if MADE_UP not in text for iri in named_in(text) if iri not in known]
    assert missing == []
    assert len([text for text in examples if MADE_UP not in text and named_in(text)]) > 100
    for text in nonempty(text for text in examples if MADE_UP in text):
        made_up = [iri for iri in named_in(text) if iri not in known]
        assert all("example" in iri or iri.startswith(f"{BASE}date/") for iri in nonempty(made_up)), text

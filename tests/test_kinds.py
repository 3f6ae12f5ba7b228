# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The kinds of claim: what each reads, what it refuses at which place, and what the later ones say as triples."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kgbuild.build.claims import ClaimFacts
from kgbuild.build.graph import Triple, compile_article
from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.resolution import Resolved, Resolver, make_scales
from kgbuild.build.situations import compile_claim, say_kind
from kgbuild.core.errors import Findings, Issue
from kgbuild.core.namespaces import PREFIXES, RDF_TYPE, expand, shorten
from kgbuild.records.documents import Document, parse_document
from kgbuild.records.kinds import CLAIM_KINDS, Fields
from kgbuild.records.models import Article, Claim, Entity, EntityModel, Source
from kgbuild.records.reading import read_claim
from kgbuild.records.registry import Registry
from nonempty import nonempty
from placing import misplaced

ROOT = Path(__file__).resolve().parents[1]
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
ARTICLE = "2024-02-21-x"


def document(*claims: str) -> Document:
    """Parse a record of claims; the kind of the first begins in line 2, column 5."""
    text = "claims:\n" + "".join(f"  - {claim}\n    says: What the text says.\n" for claim in claims)
    findings = Findings()
    parsed = parse_document(text, "data/articles/2024/2024-02-21-x.yaml", findings)
    assert parsed is not None, list(findings)
    return parsed


def read(claim: str) -> tuple[Claim | None, list[Issue]]:
    """Read one claim."""
    findings = Findings()
    return read_claim(document(claim), ("claims", 0), findings), list(findings)


def test_identities_follow_from_types() -> None:
    """Whatever names somebody or something, alone or in a list, may be inferred; a place, date or concept not."""
    expected = {
        "seat": {"of", "host"},
        "tenure": {"of", "in", "to", "represented_by"},
        "change": {"of", "original", "resulting", "at", "initiated_by"},
        "decision": {"at", "in", "by", "concerning", "carried_out_by", "led_to"},
        "status": {"of"},
        "tie": {"from", "to"},
    }
    assert expected == {kind: CLAIM_KINDS[kind].identities() for kind in expected}


# --- reading ----------------------------------------------------------------------------------------------------------

VALID = {
    "membership": "{of: [kazakhstan, {is: apa-kz, as: Академия}], in: respa, standing: member, "
    "features: [founding, regional], joined: 1993-11~, replaces: {in: nispacee, spell: 1990}}",
    "accession": "{of: egypt, to: ndb, applied: 2021, invited: 2021-09, admitted: 2021-12-29, "
    "status: {is: admitted-not-effective, on: 2021-12-29}, spell: 2021}",
    "suspension": "{of: sudan, in: african-union, from: 2019-06-06, until: {not_after: 2019-09-30}, "
    "scope: All activities., spell: 2019}",
    "participation": "{of: rector, in: forum-2023, for: apa-kz, as: head-of-delegation, presence: in-person}",
    "tenure": "{of: ambassador, as: ambassador, in: china, to: kazakhstan, from: 2020, until: 2023-05, on: 2022-01, "
    "manner: acting, end_reason: end-of-term}",
    "meeting": "{is: forum-2023, held: 2023-05-18/2023-05-19, planned: 2023-05, place: [xian, beijing], "
    "attendance: hybrid, series: forum, edition: 3, host: [china], topic: Water.}",
    "agreement": "{is: treaty, type: treaty, parties: [china, kazakhstan], signed: 2022-07-21, establishes: [respa]}",
    "signature": "{of: [china, kazakhstan], to: treaty, act: ratification, on: 2022-07-21, signed_by: rector, "
    "in_force_from: 2023-01-01, spell: 2022}",
    "programme": "{is: digital-hub, type: project, run_by: acsh, with: [china, apa-kz], from: 2021-08-24, "
    "until: {between: [2022-01, 2022-06]}, concerning: [treaty], status: under-way}",
    "publication": "{is: hub-journal, type: journal, publisher: acsh, published: 2015, issue: '5 (2), 2015', "
    "issn: 2414-5440, identifier: 10.1000/182, concerning: acsh}",
    "change": "{of: apa-tj, type: renaming, date: 2020-02-29, place: dushanbe, initiated_by: tajikistan}",
    "decision": "{ref: joint-course, at: forum-2023, by: [china], what: A joint course., date: 2023-05-19}",
    "proposal": "{ref: alliance, in: treaty, by: rector, for: apa-kz, what: An alliance., status: adopted}",
    "statement": "{ref: readiness, act: readiness, at: forum-2023, by: rector, to: [acsh], what: Ready to join.}",
    "attribute": "{of: acsh, purpose: To train officials., website: https://acsh.example/en, language: kk}",
    "status": "{of: {accession: egypt, to: ndb}, is: pending, on: 2021-12}",
    "name": "{of: apa-tj, text: {en: Institute of Public Administration, ru: Институт}, in: respa, kind: short, "
    "until: 2020-02-29}",
    "seat": "{of: unpog, as: headquarters, place: songdo, host: {is: south-korea, as: Korea}, from: 2017-12-01, "
    "on: 2018}",
    "count": "{of: nispacee, what: institutional-members, number: {more_than: 125}, on: 2015}",
    "tie": "{from: menapar, to: [iias, iasia], type: affiliated, from_date: 2015, until: 2019, on: 2016, spell: 2015}",
}
"""Each kind as a curator would write it, with its optional fields."""

INVALID = {
    "membership": ("{of: egypt, in: brics, joined: 2024-13}", "2:48", "date", "if the month is not known, 2024"),
    "accession": ("{of: egypt, to: brics, invite: 2023-08}", "2:39", "unknown-key", "Did you mean invited?"),
    "suspension": ("{of: sudan, in: african-union, spell: second}", "2:55", "value", "begins with a digit"),
    "participation": ("{of: rector, for: apa-kz}", "2:5", "missing-key", "Add `in:`"),
    "tenure": ("{of: rector, as: rector, in: apa-kz, form: 2020}", "2:50", "unknown-key", "Did you mean from?"),
    "meeting": ("{is: forum-2023, held: '2023-05-18 to 19'}", "2:37", "date", "2023, 2023-11 or 2023-11-08"),
    "agreement": ("{is: treaty, parties: [china], inforce: 2023}", "2:47", "unknown-key", "Did you mean in_force?"),
    "signature": ("{of: china, to: treaty, on: 2022-07-21}", "2:5", "missing-key", "Add `act:`"),
    "programme": ("{is: digital-hub, type: Project}", "2:40", "value", "lower-case Latin letters"),
    "publication": ("{is: hub-journal, issn: '24145440'}", "2:42", "issn", "as 2414-5440"),
    "change": ("{of: apa-tj, type: renaming, date: 2019/2020}", "2:48", "date-is-interval", "Write the date itself"),
    "decision": ("{ref: joint_course, at: forum-2023}", "2:21", "value", "lower-case Latin letters"),
    "proposal": ("{at: forum-2023, what: An alliance.}", "2:5", "missing-key", "Add `ref:`"),
    "statement": ("{ref: x, act: request, too: acsh}", "2:39", "unknown-key", "Did you mean to?"),
    "attribute": ("{of: acsh, website: acsh.example}", "2:36", "value", "what this field takes"),
    "status": ("{of: forum-2023, is: held, on: 19 May}", "2:44", "date", "2023, 2023-11 or 2023-11-08"),
    "name": ("{of: apa-tj, text: {ru: Институт}, kind: Former}", "2:52", "value", "lower-case Latin letters"),
    "seat": ("{of: unpog, place: songdo}", "2:5", "missing-key", "Add `as:`"),
    "count": ("{of: nispacee, what: partners, number: {over: 125}}", "2:51", "number", "{more_than: 125}"),
    "tie": ("{from: menapar, to: iias, type: cooperates, not: yes}", "2:59", "not-true", "leave the key out"),
}
"""Each kind with one mistake: what is written, its line and column, the code, and words of the remedy."""


def test_every_kind_has_its_cases() -> None:
    """No kind of claim is without a record that is right, one that is wrong, and a function that says what it means."""
    assert set(CLAIM_KINDS.values()) == set(say_kind.registry) - {object, Fields}
    assert sorted(CLAIM_KINDS) == sorted(VALID)
    assert sorted(CLAIM_KINDS) == sorted(INVALID)


@pytest.mark.parametrize("kind", sorted(CLAIM_KINDS))
def test_valid_claim(kind: str) -> None:
    """What a curator would write is read without a finding, and every field written is kept."""
    claim, issues = read(f"{kind}: {VALID[kind]}")
    assert [] == issues
    assert claim is not None
    assert (kind, CLAIM_KINDS[kind]) == (claim.kind, type(claim.fields))
    models = type(claim.fields).model_fields
    kept = {field.alias or name for name, field in models.items() if getattr(claim.fields, name) is not None}
    assert set(claim.written) == kept


@pytest.mark.parametrize("kind", sorted(CLAIM_KINDS))
def test_invalid_claim(kind: str) -> None:
    """A mistake is one finding, at its line and column, with what to do about it."""
    written, where, code, words = INVALID[kind]
    claim, issues = read(f"{kind}: {written}")
    assert claim is None
    assert [("error", where, code)] == [(i.severity, f"{i.place.line}:{i.place.column}", i.code) for i in issues]
    assert words in issues[0].remedy


# --- triples ----------------------------------------------------------------------------------------------------------

ENTITIES = {
    "agreement": {"treaty": "Agreement"},
    "institution": {"acsh": "Institution", "iias": "Institution", "ndb": "Institution", "unpog": "Institution"},
    "network": {"menapar": "Network", "nispacee": "Network"},
    "person": {"rector": "Person"},
    "place": {"songdo": "Place"},
    "programme": {"digital-hub": "Programme"},
    "publication": {"hub-journal": "Publication"},
    "polity": {"china": "Polity", "egypt": "Polity", "kazakhstan": "Polity"},
}


@cache
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


@cache
def registry() -> Registry:
    """Know a few entities, which need no files."""
    return Registry(
        Entity(id_, kind, (class_,), EntityModel(names={"en": id_.title()}), Document(f"{id_}.yaml", {}))
        for kind, entities in ENTITIES.items()
        for id_, class_ in entities.items()
    )


def article(*claims: str, id_: str = ARTICLE, publisher: str = "acsh", published: str = "2024-02-21") -> Article:
    """Read claims as an article of its own."""
    source = Source(language="en", published=published, publisher=publisher, url=f"https://example.org/{id_}")
    parsed, findings = document(*claims), Findings()
    made = [read_claim(parsed, ("claims", i), findings) for i in range(len(claims))]
    assert [] == list(findings)
    return Article(id_, source, tuple(claim for claim in made if claim), parsed)


def compiled(claim: str) -> ClaimFacts:
    """Compile one claim, with everything in it known."""
    one, findings = article(claim), Findings()
    said = compile_claim(one, one.claims[0], registry(), ontology(), findings)
    assert [] == list(findings)
    return said


def facts(said: ClaimFacts) -> set[Triple]:
    return {triple for triple, _ in said.facts}


def show(triples: set[Triple]) -> list[str]:
    """Write triples with our prefixes, sorted, so that a difference can be read."""
    return sorted(" ".join(shorten(t.value) if isinstance(t, NamedNode) else str(t) for t in ts) for ts in triples)


def written(turtle: str) -> list[str]:
    """Read triples written by hand."""
    quads = parse(input=TURTLE + turtle, format=RdfFormat.TURTLE)
    triples = {(quad.subject, quad.predicate, quad.object) for quad in quads}
    return show(triples)


SAID = {
    "accession": (
        "{of: [egypt, {unidentified: polity, of: china}], to: ndb, applied: 2021, invited: 2021-09, "
        "admitted: 2021-12-29, status: {is: admitted-not-effective, on: 2021-12}, spell: 2021}",
        """
        accession:egypt--ndb--2021 a icn:Accession ;
            icn:candidate polity:egypt ; icn:candidateTo institution:ndb ;
            icn:applied date:2021 ; icn:invited date:2021-09 ; icn:admitted date:2021-12-29 .
        status:accession--egypt--ndb--2021--2021-12 a icn:StatusObservation ;
            icn:observed accession:egypt--ndb--2021 ;
            icn:status status-concept:admitted-not-effective ; icn:asOf date:2021-12 .
        unidentified:polity--china--ndb a icn:UnidentifiedParty ;
            icn:expectedType icn:Polity ; icn:ofState polity:china .
        accession:unidentified-polity-china--ndb--2021 a icn:Accession ;
            icn:candidate unidentified:polity--china--ndb ; icn:candidateTo institution:ndb ;
            icn:applied date:2021 ; icn:invited date:2021-09 ; icn:admitted date:2021-12-29 .
        status:accession--unidentified-polity-china--ndb--2021--2021-12 a icn:StatusObservation ;
            icn:observed accession:unidentified-polity-china--ndb--2021 ;
            icn:status status-concept:admitted-not-effective ; icn:asOf date:2021-12 .
        """,
        "candidate candidateTo applied invited admitted observed status asOf",
    ),
    "suspension": (
        "{of: egypt, in: ndb, from: 2019-06-06, until: {not_after: 2020-09-30}, scope: All activities., spell: 2019}",
        """
        suspension:egypt--ndb--2019 a icn:Suspension ;
            icn:suspendedMember polity:egypt ; icn:suspendedFrom institution:ndb ;
            icn:began date:2019-06-06 ; icn:ended date:by-2020-09-30 ; icn:scope "All activities."@en .
        """,
        "suspendedMember suspendedFrom began ended scope",
    ),
    "signature": (
        "{of: [egypt, kazakhstan], to: treaty, act: ratification, on: 2022-07-21, signed_by: rector, "
        "in_force_from: 2023, spell: 2022}",
        """
        signature:treaty--egypt--ratification--2022 a icn:Signature ;
            icn:signatory polity:egypt ; icn:agreement agreement:treaty ; icn:act signature-act:ratification ;
            icn:signedOn date:2022-07-21 ; icn:signedBy person:rector ; icn:inForceFrom date:2023 .
        signature:treaty--kazakhstan--ratification--2022 a icn:Signature ;
            icn:signatory polity:kazakhstan ; icn:agreement agreement:treaty ; icn:act signature-act:ratification ;
            icn:signedOn date:2022-07-21 ; icn:signedBy person:rector ; icn:inForceFrom date:2023 .
        """,
        "signatory agreement act signedOn signedBy inForceFrom",
    ),
    "programme": (
        "{is: digital-hub, type: project, run_by: acsh, with: [china, menapar], from: 2021-08-24, until: 2022, "
        "concerning: [treaty, kazakhstan], status: under-way}",
        """
        programme:digital-hub icn:programmeType programme-type:project ; icn:runBy institution:acsh ;
            icn:cooperator polity:china , network:menapar ; icn:began date:2021-08-24 ; icn:ended date:2022 ;
            icn:concerning agreement:treaty , polity:kazakhstan .
        status:programme--digital-hub--2024-02-21-x a icn:StatusObservation ;
            icn:observed programme:digital-hub ; icn:status status-concept:under-way .
        """,
        "programmeType runBy cooperator began ended concerning observed status",
    ),
    "publication": (
        "{is: hub-journal, type: journal, publisher: [acsh, rector], published: 2015, issue: '5 (2), 2015', "
        "issn: 2414-5440, identifier: 10.1000/182, concerning: menapar}",
        """
        publication:hub-journal icn:publicationType publication-type:journal ;
            icn:publishedBy institution:acsh , person:rector ; icn:published date:2015 ;
            icn:issue "5 (2), 2015" ; icn:issn "2414-5440" ; icn:identifier "10.1000/182" ;
            icn:concerning network:menapar .
        """,
        "publicationType publishedBy published issue issn identifier concerning",
    ),
    "seat": (
        "{of: unpog, as: headquarters, place: songdo, host: kazakhstan, from: 2017-12-01, until: 2023, on: 2018}",
        """
        seat:unpog--headquarters--songdo a icn:Seat ;
            icn:seatOf institution:unpog ; icn:seatKind seat-kind:headquarters ;
            icn:place place:songdo ; icn:host polity:kazakhstan ;
            icn:began date:2017-12-01 ; icn:ended date:2023 ; icn:attestedOn date:2018 .
        """,
        "seatOf seatKind place host began ended attestedOn",
    ),
    "count": (
        "{of: nispacee, what: institutional-members, number: {more_than: 125}, on: 2015}",
        """
        count:nispacee--institutional-members--2015 a icn:CountObservation ;
            icn:observed network:nispacee ; icn:measure measure:institutional-members ;
            icn:number 125 ; icn:comparator comparator:more-than ; icn:asOf date:2015 .
        """,
        "observed measure number comparator asOf",
    ),
    "tie": (
        "{from: menapar, to: [iias, acsh], type: affiliated, from_date: 2015, until: 2019, on: 2016, spell: 2015}",
        """
        tie:menapar--iias--affiliated--2015 a icn:Tie ;
            icn:tiedFrom network:menapar ; icn:tiedTo institution:iias ; icn:tieType tie-type:affiliated ;
            icn:began date:2015 ; icn:ended date:2019 ; icn:attestedOn date:2016 .
        tie:menapar--acsh--affiliated--2015 a icn:Tie ;
            icn:tiedFrom network:menapar ; icn:tiedTo institution:acsh ; icn:tieType tie-type:affiliated ;
            icn:began date:2015 ; icn:ended date:2019 ; icn:attestedOn date:2016 .
        """,
        "tiedFrom tiedTo tieType began ended attestedOn",
    ),
}
"""Kind -> a claim with all its fields, the triples of docs/modelling.md, section 5, and what the claim asserts."""


@pytest.mark.parametrize("kind", sorted(SAID))
def test_claim_as_triples(kind: str) -> None:
    """A claim with all its fields gives the triples of the table, no more; its bodies are what they describe."""
    claim, turtle, asserted = SAID[kind]
    said = compiled(f"{kind}: {claim}")
    assert written(turtle) == show(facts(said))
    assert {expand(f"icn:{name}") for name in asserted.split()} == {predicate.value for predicate in said.asserts}
    placeholders = {s for s, p, o in facts(said) if p.value == RDF_TYPE and o.value.endswith("#UnidentifiedParty")}
    assert {subject for subject, _, _ in facts(said)} - placeholders == set(said.bodies)


@pytest.mark.parametrize("kind", sorted(SAID))
def test_triples_use_every_field(kind: str) -> None:
    """The claims above leave out no field, but `not`, which makes another node."""
    (claim,) = article(f"{kind}: {SAID[kind][0]}").claims
    known = {field.alias or name for name, field in CLAIM_KINDS[kind].model_fields.items()}
    assert known - {"not"} == set(claim.written)


@pytest.mark.parametrize("kind", sorted(SAID))
def test_a_fact_is_placed_at_the_field_that_says_it(kind: str) -> None:
    """Each fact has the path of a field that is written, and what it says stands there."""
    claim = f"{kind}: {SAID[kind][0]}"
    assert [] == misplaced(article(claim), compiled(claim))


@pytest.mark.parametrize(
    ("claim", "turtle"),
    [
        (
            "seat: {of: unpog, as: secretariat, host: kazakhstan}",
            "seat:unpog--secretariat--kazakhstan a icn:Seat ; icn:seatOf institution:unpog ; "
            "icn:seatKind seat-kind:secretariat ; icn:host polity:kazakhstan .",
        ),
        (
            "count: {of: nispacee, what: partners, number: 29}",
            "count:nispacee--partners--2024-02-21-x a icn:CountObservation ; icn:observed network:nispacee ; "
            "icn:measure measure:partners ; icn:number 29 ; icn:comparator comparator:equal .",
        ),
        (
            "signature: {of: egypt, to: treaty, act: signature, on: 2022-07-21, not: true}",
            "denial:signature--treaty--egypt--signature--2022-07-21 a icn:Denial ; "
            "icn:denies signature:treaty--egypt--signature ; icn:attestedOn date:2022-07-21 .",
        ),
        (
            "tie: {from: menapar, to: acsh, type: cooperates, not: true}",
            "denial:tie--acsh--menapar--cooperates--2024-02-21-x a icn:Denial ; "
            "icn:denies tie:acsh--menapar--cooperates .",
        ),
    ],
    ids=["seat-with-a-host", "undated-count", "denied-signature", "denied-tie"],
)
def test_claim_of_another_form(claim: str, turtle: str) -> None:
    """A seat without a place is named by its host, an undated count by its article; what is denied gets no triple."""
    assert written(turtle) == show(facts(compiled(claim)))


def test_seat_without_place_and_host_is_refused() -> None:
    """A seat that is nowhere is a finding at the claim, and says nothing."""
    one = article("seat: {of: unpog, as: headquarters}")
    findings = Findings()
    said = compile_claim(one, one.claims[0], registry(), ontology(), findings)
    assert [("no-place", 2, 11)] == [(issue.code, issue.place.line, issue.place.column) for issue in findings]
    assert [] == said.facts


def test_symmetric_tie_is_one_node() -> None:
    """Those who cooperate have one tie whoever is named first; an affiliation is another one when turned."""
    partner = compiled("tie: {from: menapar, to: acsh, type: cooperates}")
    assert [expand("tie:acsh--menapar--cooperates")] == [body.value for body in partner.bodies]
    assert show(facts(partner)) == show(facts(compiled("tie: {from: acsh, to: menapar, type: cooperates}")))
    affiliated = compiled("tie: {from: menapar, to: acsh, type: affiliated}")
    turned = compiled("tie: {from: acsh, to: menapar, type: affiliated}")
    assert set() == set(affiliated.bodies) & set(turned.bodies)


# --- a number and what qualifies it -----------------------------------------------------------------------------------

COUNT = "count:nispacee--institutional-members--2015"


def resolved(*articles: Article) -> Resolved:
    """Compile and resolve articles that differ in their publishers."""
    findings = Findings()
    made = [made for one in articles if (made := compile_article(one, registry(), ontology(), findings))]
    assert [] == list(findings)
    dates = {date for one in made for date in one.dates}
    return Resolver(made, ontology(), make_scales(dates, (), ontology())).resolve()


def counted(publisher: str, number: str, published: str) -> Article:
    claim = f"count: {{of: nispacee, what: institutional-members, number: {number}, on: 2015}}"
    return article(claim, id_=f"x-{publisher}", publisher=publisher, published=published)


def kept(result: Resolved) -> list[tuple[str, str]]:
    """Give the value and the comparator that hold."""
    held = [(p.value, o) for s, p, o in result.triples if s.value == expand(COUNT)]
    return [
        (value.value, shorten(comparator.value))
        for name, value in held
        if name == expand("icn:number")
        for other, comparator in held
        if other == expand("icn:comparator")
    ]


def test_comparator_goes_with_its_number() -> None:
    """Two voices say "more than", of two numbers, and the latest says exactly 130: it is never "more than 130"."""
    voices = [
        counted("acsh", "{more_than: 120}", "2016"),
        counted("iias", "{more_than: 125}", "2017"),
        counted("unpog", "130", "2018"),
    ]
    for order in nonempty(permutations(voices)):
        assert [("130", "comparator:equal")] == kept(resolved(*order))


def test_number_with_more_voices_brings_its_comparator() -> None:
    """Of the two that give the number kept, the later one's comparator holds; a stranger's is not weighed."""
    voices = [
        counted("acsh", "{about: 130}", "2016"),
        counted("iias", "{at_least: 130}", "2017"),
        counted("unpog", "{less_than: 125}", "2018"),
    ]
    result = resolved(*voices)
    assert [("130", "comparator:at-least")] == kept(result)
    aside = {str(quad.object) for quad in result.record if quad.predicate.value == expand("icn:setAside")}
    assert {str(Literal(125)), f"<{expand('comparator:about')}>"} == aside

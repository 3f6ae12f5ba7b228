# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""What the first twelve kinds of claim mean, in Turtle by hand; tests/test_kinds.py has the eight later ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.situations import compile_claim
from kgbuild.core.errors import Findings
from kgbuild.core.namespaces import PREFIXES, shorten
from kgbuild.records.documents import Document, parse_document
from kgbuild.records.kinds import CLAIM_KINDS
from kgbuild.records.models import Article, Entity, EntityModel, Source
from kgbuild.records.reading import read_claim
from kgbuild.records.registry import Registry
from placing import misplaced

ROOT = Path(__file__).resolve().parents[1]
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
ARTICLE = "2024-02-21-x"
ENTITIES = {
    "agreement": ["founding-agreement"],
    "institution": ["acsh", "apa-tj", "nag-china", "ndb"],
    "meeting": ["hub-nag-talks", "xian-summit-2023"],
    "network": ["academies"],
    "person": ["baimenov", "rahmon", "zhang-xiao"],
    "place": ["xian"],
    "series": ["summits"],
    "polity": ["china", "egypt", "kazakhstan", "tajikistan"],
}
MEANS: dict[str, tuple[str, str]] = {
    "membership": (
        "{of: egypt, in: ndb, standing: observer, features: [full, founding], joined: 2023-02-20, on: 2024-02, "
        "replaces: {spell: 2021}}",
        """membership:egypt--ndb a icn:Membership ; icn:member polity:egypt ; icn:organization institution:ndb ;
            icn:standing standing:observer ; icn:feature feature:full , feature:founding ;
            icn:joined date:2023-02-20 ; icn:attestedOn date:2024-02 ; icn:replaces membership:egypt--ndb--2021 .""",
    ),
    "participation": (
        "{of: rahmon, in: xian-summit-2023, for: tajikistan, as: speaker, presence: in-person}",
        """participation:xian-summit-2023--rahmon a icn:Participation ; icn:meeting meeting:xian-summit-2023 ;
            icn:participant person:rahmon ; icn:onBehalfOf polity:tajikistan ;
            icn:capacity capacity:speaker ; icn:presence attendance-mode:in-person .""",
    ),
    "tenure": (
        "{of: zhang-xiao, as: ambassador, in: china, to: kazakhstan, on: 2024-02-21}",
        """tenure:zhang-xiao--ambassador--china--kazakhstan a icn:Tenure ; icn:holder person:zhang-xiao ;
            icn:office office:ambassador ; icn:broadOffice office:ambassador ;
            icn:institution polity:china ; icn:accreditedTo polity:kazakhstan ;
            icn:attestedOn date:2024-02-21 .""",
    ),
    "meeting": (
        "{is: xian-summit-2023, type: summit, held: 2023-05-18/2023-05-19, place: [xian, china], "
        "attendance: hybrid, series: summits, edition: 1, host: china, topic: Friendship.}",
        """meeting:xian-summit-2023 icn:meetingType meeting-type:summit ; icn:held date:2023-05-18_2023-05-19 ;
            icn:venue place:xian , polity:china ; icn:attendanceMode attendance-mode:hybrid ;
            icn:inSeries series:summits ; icn:edition 1 ; icn:host polity:china ; icn:topic "Friendship."@en .""",
    ),
    "agreement": (
        "{is: founding-agreement, type: founding-agreement, parties: [acsh, nag-china], signed: 2023-11, "
        "establishes: academies}",
        """agreement:founding-agreement icn:agreementType agreement-type:founding-agreement ;
            icn:party institution:acsh , institution:nag-china ; icn:signedOn date:2023-11 ;
            icn:establishes network:academies .""",
    ),
    "change": (
        "{of: academies, type: founding, date: 2023-11-08, place: china, initiated_by: nag-china}",
        """change:academies--founding a icn:Founding ; icn:founded network:academies ;
            icn:changeType change-type:founding ; icn:happened date:2023-11-08 ; icn:place polity:china ;
            icn:initiatedBy institution:nag-china .""",
    ),
    "decision": (
        "{ref: network, at: xian-summit-2023, what: A network., date: 2023-05-19, carried_out_by: academies}",
        """decision:xian-summit-2023--network a icn:Decision ; icn:occurredAt meeting:xian-summit-2023 ;
            icn:wording "A network."@en ; icn:madeOn date:2023-05-19 ; icn:carriedOutBy network:academies .""",
    ),
    "proposal": (
        "{ref: alliance, at: hub-nag-talks, by: baimenov, for: acsh, within: academies, status: proposed}",
        f"""proposal:hub-nag-talks--alliance a icn:Proposal ; icn:occurredAt meeting:hub-nag-talks ;
            icn:madeBy person:baimenov ; icn:onBehalfOf institution:acsh ; icn:concerning network:academies .
        status:proposal--hub-nag-talks--alliance--{ARTICLE} a icn:StatusObservation ;
            icn:observed proposal:hub-nag-talks--alliance ; icn:status status-concept:proposed .""",
    ),
    "statement": (
        "{ref: readiness, act: readiness, by: nag-china, to: acsh, date: 2024-02-21, what: Ready to cooperate.}",
        f"""statement:{ARTICLE}--readiness a icn:Statement ; icn:speechAct act:readiness ;
            icn:madeBy institution:nag-china ; icn:addressee institution:acsh ;
            icn:madeOn date:2024-02-21 ; icn:wording "Ready to cooperate."@en .""",
    ),
    "attribute": (
        "{of: academies, purpose: To exchange experience., description: Many., practice: Visits., entry_rule: Open., "
        "legal_basis: A charter., funding: Fees., website: https://academies.example/en, identifier: A1, language: ru}",
        """network:academies icn:purpose "To exchange experience."@en ; icn:description "Many."@en ;
            icn:practice "Visits."@en ; icn:entryRule "Open."@en ; icn:legalBasis "A charter."@en ;
            icn:funding "Fees."@en ; icn:website <https://academies.example/en> ; icn:identifier "A1" ;
            icn:language "ru" .""",
    ),
    "status": (
        "{of: {accession: egypt, to: ndb}, is: admitted-not-effective, on: 2022-03}",
        """status:accession--egypt--ndb--2022-03 a icn:StatusObservation ; icn:observed accession:egypt--ndb ;
            icn:status status-concept:admitted-not-effective ; icn:asOf date:2022-03 .""",
    ),
    "name": (
        "{of: apa-tj, text: {en: Institute of Public Administration}, kind: short, until: 2020-02-29}",
        """naming:apa-tj--df7a5b1f a icn:Naming ; icn:nameOf institution:apa-tj ;
            icn:nameText "Institute of Public Administration"@en ; icn:nameKind name-kind:short ;
            icn:ended date:2020-02-29 .""",
    ),
}
"""Kind -> a claim, and the triples that docs/modelling.md, section 5, gives it."""


IDENTITY = {
    "a narrower office is the broad one": (
        "tenure: {of: baimenov, as: first-vice-president, in: acsh, manner: acting, end_reason: resignation}",
        """tenure:baimenov--vice-president--acsh a icn:Tenure ; icn:holder person:baimenov ;
            icn:office office:first-vice-president ; icn:broadOffice office:vice-president ;
            icn:institution institution:acsh ; icn:manner manner:acting ; icn:endReason reason:resignation .""",
    ),
    "a standing is no part of the key": (
        "membership: {of: egypt, in: ndb, standing: dialogue-partner}",
        """membership:egypt--ndb a icn:Membership ; icn:member polity:egypt ; icn:organization institution:ndb ;
            icn:standing standing:dialogue-partner .""",
    ),
    "what replaces another actor's membership": (
        "membership: {of: egypt, in: ndb, replaces: {of: china, in: academies}}",
        """membership:egypt--ndb a icn:Membership ; icn:member polity:egypt ; icn:organization institution:ndb ;
            icn:replaces membership:china--academies .""",
    ),
    "a denial names the standing": (
        "membership: {of: egypt, in: ndb, standing: observer, not: true}",
        f"""denial:membership--egypt--ndb--{ARTICLE} a icn:Denial ; icn:denies membership:egypt--ndb ;
            icn:deniedStanding standing:observer .""",
    ),
    "a succession is keyed by all who take part": (
        "change: {type: merger, original: [nag-china, acsh], resulting: apa-tj, date: 2018-03}",
        """change:acsh--nag-china--to--apa-tj--merger a icn:Succession ; icn:changeType change-type:merger ;
            icn:original institution:acsh , institution:nag-china ; icn:resulting institution:apa-tj ;
            icn:happened date:2018-03 .""",
    ),
    "a succession of which one side is told": (
        "change: {type: continuation, original: egypt}",
        """change:egypt--to--continuation a icn:Succession ; icn:changeType change-type:continuation ;
            icn:original polity:egypt .""",
    ),
    "a treaty action has spells": (
        "signature: {of: egypt, to: founding-agreement, act: ratification, on: 2022, spell: 2022}",
        """signature:founding-agreement--egypt--ratification--2022 a icn:Signature ; icn:signatory polity:egypt ;
            icn:agreement agreement:founding-agreement ; icn:act signature-act:ratification ;
            icn:signedOn date:2022 .""",
    ),
    "a name in a body": (
        "name: {of: china, in: ndb, text: {en: Chinese Party}}",
        """naming:china--ndb--a88a827c a icn:Naming ; icn:nameOf polity:china ; icn:nameIn institution:ndb ;
            icn:nameText "Chinese Party"@en .""",
    ),
    "a legal form is no status": (
        "status: {of: academies, is: no-legal-person, on: 2023}",
        """legal-form-observation:network--academies--2023 a icn:LegalFormObservation ;
            icn:observed network:academies ; icn:legalForm legal-form:no-legal-person ; icn:asOf date:2023 .""",
    ),
    "the status of a polity": (
        "status: {of: china, is: sovereign-state}",
        f"""polity-status-observation:polity--china--{ARTICLE} a icn:PolityStatusObservation ;
            icn:observed polity:china ; icn:polityStatus polity-status:sovereign-state .""",
    ),
}
"""What identifies a situation, and what does not: a claim, and its triples."""


@cache
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


@cache
def registry() -> Registry:
    """Know the entities above, which need no files."""
    return Registry(
        Entity(id_, kind, (kind.title(),), EntityModel(names={"en": id_}), Document(f"{id_}.yaml", {}))
        for kind, ids in ENTITIES.items()
        for id_ in ids
    )


def article(claim: str) -> Article:
    """Read one claim as an article."""
    findings = Findings()
    parsed = parse_document(f"claims:\n  - {claim}\n    says: An example.\n", "x.yaml", findings)
    assert parsed is not None, list(findings)
    read = read_claim(parsed, ("claims", 0), findings)
    assert read is not None, list(findings)
    source = Source(language="en", published="2024-02-21", publisher="acsh", url="https://example.org/x")
    return Article(ARTICLE, source, (read,), parsed)


def lines(triples: Iterable[tuple[object, ...]]) -> list[str]:
    """Write triples with our prefixes, sorted, so that a difference can be read."""
    return sorted(" ".join(shorten(t.value) if isinstance(t, NamedNode) else str(t) for t in ts) for ts in triples)


CASES = {kind: (f"{kind}: {claim}", turtle) for kind, (claim, turtle) in MEANS.items()} | IDENTITY


@pytest.mark.parametrize("case", CASES)
def test_claim_means_what_the_guide_says(case: str) -> None:
    """A claim gives the triples written by hand from the guide, no more, and its bodies are their subjects."""
    claim, turtle = CASES[case]
    one = article(claim)
    findings = Findings()
    said = compile_claim(one, one.claims[0], registry(), ontology(), findings)
    assert [] == list(findings)
    by_hand = {(q.subject, q.predicate, q.object) for q in parse(TURTLE + turtle, format=RdfFormat.TURTLE)}
    assert lines(by_hand) == lines({triple for triple, _ in said.facts})
    assert {subject for subject, _, _ in by_hand} == set(said.bodies)
    assert [] == misplaced(one, said)


@pytest.mark.parametrize(
    ("claim", "code", "remedy"),
    [
        ("change: {type: renaming}", "missing-key", "Add `of:`, the one that the renaming is of."),
        ("change: {of: acsh, type: renaming, resulting: apa-tj}", "no-succession", "Name the one that changes in `of`"),
        ("change: {of: acsh, type: merger, original: acsh}", "old-form", "Leave `of` out, and name both sides"),
        ("change: {type: split}", "succession", "Name who went into it in `original`"),
    ],
)
def test_a_change_of_another_form_is_a_finding(claim: str, code: str, remedy: str) -> None:
    """A change is of one, a succession from some to others: the finding says which of them this type is."""
    one, findings = article(claim), Findings()
    compile_claim(one, one.claims[0], registry(), ontology(), findings)
    ((found, advice),) = [(issue.code, issue.remedy) for issue in findings]
    assert code == found
    assert remedy in advice


def test_these_are_the_first_kinds() -> None:
    """The kinds are known to the program, in the order of the guide, and the eight later ones are missing here."""
    later = {"accession", "suspension", "signature", "programme", "publication", "seat", "count", "tie"}
    assert [kind for kind in CLAIM_KINDS if kind not in later] == list(MEANS)

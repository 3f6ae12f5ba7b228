"""Things as schema.org describes them (https://schema.org), for search engines: from the same facts as the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kgbuild.core.namespaces import EXTERNAL
from kgbuild.server.pages.reading import ALT_LABEL, LABEL, PUBLISHER, TITLE, URL, Reading
from kgbuild.server.pages.terms import Labels

TYPES: Final = {
    "Network": "Organization",
    "Academy": "CollegeOrUniversity",
    "ResearchInstitute": "ResearchOrganization",
    "GovernmentBody": "GovernmentOrganization",
    "Institution": "Organization",
    "Polity": "AdministrativeArea",
    "Person": "Person",
    "Place": "Place",
    "Meeting": "Event",
    "Programme": "Thing",
    "Article": "Article",
    "Document": "CreativeWork",
}
"""Class of ours -> that of schema.org; the finer ones first."""
MOST: Final = 50
"""Of the things that are named in such data: they repeat what the page says in full."""
_SAME: Final = tuple(EXTERNAL[p] + n for p, n in (("rdfs", "seeAlso"), ("skos", "exactMatch"), ("owl", "sameAs")))


def described_for_search(reading: Reading, thing: str) -> dict[str, Any]:
    """Describe the thing of a page; nothing for what schema.org has no word for."""
    kind = _type(reading, thing)
    if not kind:
        return {}
    found = {
        "@context": "https://schema.org",
        "@type": kind,
        "@id": thing,
        "name": _texts(reading.labels(thing)),
        "alternateName": [_text(t.language, t.value) for t in reading.get(thing, ALT_LABEL)],
        "sameAs": [term.value for name in _SAME for term in reading.get(thing, name) if term.kind == "iri"],
        **_others(reading, thing),
        **_event(reading, thing),
        **_work(reading, thing),
    }
    return {key: value for key, value in found.items() if value}


def _type(reading: Reading, thing: str) -> str:
    return next((of for name, of in TYPES.items() if reading.is_a(thing, name)), "")


def _text(language: str, text: str) -> object:
    return {"@value": text, "@language": language} if language else text


def _texts(labels: Labels) -> list[object]:
    return [_text(language, text) for language, text in sorted(labels.items())]


def _named(reading: Reading, things: Iterable[str], kind: str = "") -> list[dict[str, object]]:
    return [
        {"@type": kind or _type(reading, each) or "Thing", "@id": each, "name": _texts(reading.labels(each))}
        for each in list(dict.fromkeys(things))[:MOST]
    ]


def _others(reading: Reading, thing: str) -> dict[str, object]:
    def through(by: str, name: str) -> list[str]:
        found = (each for s in reading.leading(by, thing) for each in reading.iris(s, name))
        return [each for each in found if not reading.is_a(each, "UnidentifiedParty")]

    is_network, is_institution, is_person = (reading.is_a(thing, name) for name in ("Network", "Institution", "Person"))
    dates = (date for each in reading.leading("founded", thing) for date in reading.iris(each, "happened"))
    founded = next(filter(None, (_day(reading, date) for date in dates)), "")
    is_organization = is_network or is_institution
    return {
        "foundingDate": founded if is_organization else "",
        "url": next(iter(reading.iris(thing, "website")), "") if is_organization else "",
        "member": _named(reading, through("organization", "member")) if is_network else [],
        "memberOf": _named(reading, through("member", "organization")) if is_institution else [],
        "affiliation": _named(reading, reading.iris(thing, "affiliation")) if is_person else [],
        "containedInPlace": _named(reading, reading.iris(thing, "within"), "Place"),
    }


def _event(reading: Reading, thing: str) -> dict[str, object]:
    """Say when and where a meeting was; start and end where both are days, a window is neither."""
    if not reading.is_a(thing, "Meeting"):
        return {}
    date = next((reading.edtf(each) for each in reading.iris(thing, "held", "planned")), "")
    first, _, last = date.partition("/")
    days = {"startDate": first, "endDate": last or first} if _is_plain(first) and _is_plain(last or first) else {}
    return {**days, "location": next(iter(_named(reading, reading.iris(thing, "venue"), "Place")), None)}


def _work(reading: Reading, thing: str) -> dict[str, object]:
    if not reading.is_a(thing, "Document"):
        return {}

    def first(*names: str) -> str:
        return next((term.value for name in names for term in reading.get(thing, name)), "")

    own = {
        "headline": first(TITLE, LABEL),
        "inLanguage": first(EXTERNAL["dcterms"] + "language"),
        "url": first(URL),
        "publisher": next(iter(_named(reading, filter(None, [first(PUBLISHER)]), "Organization")), None),
    }
    published, signed = (next(iter(reading.iris(thing, name)), "") for name in ("published", "signedOn"))
    return {
        **(own if reading.is_a(thing, "Article") else {}),
        "datePublished": first(EXTERNAL["schema"] + "datePublished") or _day(reading, published),
        "dateCreated": _day(reading, signed),
    }


def _day(reading: Reading, date: str) -> str:
    edtf = reading.edtf(date)
    return edtf if _is_plain(edtf) else ""


def _is_plain(edtf: str) -> bool:
    """Tell whether a date is one that schema.org can say.

    >>> _is_plain("2023-11-08"), _is_plain("2008~")
    (True, False)
    """
    return edtf.replace("-", "").isdecimal()

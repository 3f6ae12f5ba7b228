# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Languages of a reader, texts of the interface, dates in words."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgbuild.date_text import DateWriter
from kgbuild.dates import parse_date
from kgbuild.ontology import read_ontology
from kgbuild.server.languages import LABELS, reader_of
from messages import translated, wanted
from mini import ROOT


def scope(query: str = "", accept: str | None = None) -> dict[str, object]:
    headers = [] if accept is None else [(b"accept-language", accept.encode("latin-1", "ignore"))]
    return {"path": "/x", "query_string": query.encode(), "headers": headers}


@pytest.mark.parametrize(
    ("query", "accept", "interface", "labels"),
    [
        ("", None, "en", ("en", "ru", "zh", "kk")),
        ("", "ru", "ru", ("ru", "en", "zh", "kk")),
        ("", "zh-Hans-CN, en;q=0.5", "en", ("zh", "en", "ru", "kk")),
        ("", "kk", "ru", ("kk", "ru", "en", "zh")),
        ("", "ru;q=0, en", "en", ("en", "ru", "zh", "kk")),
        ("", "fr, ru;q=0.3", "ru", ("ru", "en", "zh", "kk")),
        ("lang=ru", "en", "ru", ("ru", "en", "zh", "kk")),
        ("lang=tlh", "ru", "ru", ("ru", "en", "zh", "kk")),
    ],
)
def test_who_reads(query: str, accept: str | None, interface: str, labels: tuple[str, ...]) -> None:
    """The address goes before the header; a script or a region changes nothing; what we lack counts as not said."""
    reader = reader_of(scope(query, accept))
    assert (interface, labels) == (reader.interface, reader.labels)


def test_another_language_is_asked_for_at_the_same_address() -> None:
    """The other parameters stay, and lang= is there once."""
    reader = reader_of(scope("a=b&lang=ru&c=d"))
    assert "/x?a=b&c=d&lang=kk" == reader.elsewhere("kk")
    assert "/x?lang=en" == reader_of(scope()).elsewhere("en")


@given(st.text(max_size=600), st.text(alphabet=st.characters(max_codepoint=255), max_size=600))
def test_no_header_is_too_much(query: str, accept: str) -> None:
    """Whatever a client sends, somebody reads."""
    reader = reader_of(scope(query, accept))
    assert set(LABELS) == set(reader.labels)


def test_every_text_of_the_interface_is_translated() -> None:
    """The catalogue has each text that templates and code have, and none that they have not."""
    russian = translated("ru")
    assert set() == wanted() - {key for key, text in russian.items() if text}
    assert set() == set(russian) - wanted(), "these are used no more"


@given(st.from_regex(r"[12][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?[~?%]?", fullmatch=True))
def test_a_date_in_words_is_as_precise_as_it_is(text: str) -> None:
    """A date is written in each language with its year, and with no day that it does not have."""
    node = parse_date(text)
    for language in ("en", "ru", "zh", "kk"):
        written = dates().write(node.edtf, language)
        assert text[:4] in written
        numbers = [found for found in re.findall("[0-9]+", written) if len(found) < 3]
        # Chinese writes months as numbers too.
        parts = {"year": 0, "month": 1, "day": 2}[node.precision] if language == "zh" else node.precision == "day"
        assert len(numbers) == parts


@cache
def dates() -> DateWriter:
    """Write dates by the captions of the ontology."""
    return DateWriter(read_ontology(ROOT / "ontology", ROOT).date_captions)

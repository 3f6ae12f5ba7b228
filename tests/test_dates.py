"""`kgbuild.core.dates`: what is a date, what it bounds, what refines what."""

from __future__ import annotations

import calendar
import doctest
import itertools
import re
from datetime import date
from typing import Any

import edtf
import pytest
import undate
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark.exceptions import VisitError

from kgbuild.core import dates
from kgbuild.core.dates import DateError, DateNode, contains, parse_date, parse_edtf, read_date, refines, width, window

ISO = date.fromisoformat


def bounds(node: DateNode) -> tuple[date | None, date | None]:
    return node.earliest, node.latest


def text_of(slug: str) -> str:
    """Turn a slug back into the EDTF text that it stands for: no two dates have one slug."""
    if slug.startswith("by-"):
        return f"[..{slug.removeprefix('by-')}]"
    if slug.startswith("from-"):
        return f"[{slug.removeprefix('from-')}..]"
    if "-or-" in slug:
        return f"[{slug.replace('-or-', '..')}]"
    if "_" in slug:
        return "/".join({"open": "..", "unknown": ""}.get(part, part) for part in slug.split("_"))
    for name, mark in (("-uncertain-approx", "%"), ("-uncertain", "?"), ("-approx", "~")):
        if slug.endswith(name):
            return slug.removesuffix(name) + mark
    return slug


# ---- Strategies -------------------------------------------------------------------------------------------

_years = st.one_of(st.integers(1, 9999), st.integers(2019, 2026))
_days = st.builds(
    lambda year, month, day: date(year, month, min(day, calendar.monthrange(year, month)[1])),
    _years,
    st.integers(1, 12),
    st.integers(1, 31),
)
_plain = st.builds(lambda day, length: day.isoformat()[:length], _days, st.sampled_from([4, 7, 10]))
_marked = st.builds(str.__add__, _plain, st.sampled_from(["", "?", "~", "%"]))
_decades = st.builds("{:03}X{}".format, st.integers(1, 999), st.sampled_from(["", "?", "~", "%"]))
_centuries = st.builds("{:02}XX{}".format, st.integers(1, 99), st.sampled_from(["", "?"]))


def _is_date(text: str) -> bool:
    try:
        parse_edtf(text)
    except DateError:
        return False
    return True


_intervals = st.one_of(
    st.builds("{}/{}".format, _plain, _plain),
    st.builds("{}/{}".format, _plain, st.sampled_from(["", ".."])),
    st.builds("{}/{}".format, st.sampled_from(["", ".."]), _plain),
).filter(_is_date)
_windows = st.one_of(
    st.builds("[{}..{}]".format, _plain, _plain), _plain.map("[{}..]".format), _plain.map("[..{}]".format)
).filter(_is_date)
_texts = st.one_of(_marked, _decades, _centuries, _intervals, _windows)
_nodes = _texts.map(parse_edtf)
# Few days, many ways to say them: so that dates meet, nest and coincide.
_SMALL = [
    *(f"2023{month}{mark}" for month in ("", "-11", "-11-08", "-11-09") for mark in ("", "?", "~", "%")),
    *("202X", "202X?", "202X~", "20XX", "20XX?", "2022", "2024"),
    *("2023-11-08/2023-11-09", "2023-11/2023-12", "2023-11-08/..", "2023-11-08/", "../2023", "/2023-11"),
    *("2023-01-01/2023-12-31", "2023-11-01/2023-11-30", "2022/2024", "2023-11-01/2023-11-15"),
    *(
        "[2023-11-08..2023-11-09]",
        "[2023-11..2023-12]",
        "[2023..]",
        "[..2023]",
        "[..2023-11-08]",
        "[2022..2024]",
    ),
]
_near = st.sampled_from(_SMALL).map(parse_edtf)


# ---- Tables -----------------------------------------------------------------------------------------------


def test_doctests() -> None:
    """The examples in the docstrings are true."""
    result = doctest.testmod(dates)
    assert result.attempted >= 8
    assert result.failed == 0


@pytest.mark.parametrize(
    ("text", "slug", "earliest", "latest", "year", "precision"),
    [
        ("2023", "2023", "2023-01-01", "2023-12-31", 2023, "year"),
        ("2023-11", "2023-11", "2023-11-01", "2023-11-30", 2023, "month"),
        ("2024-02", "2024-02", "2024-02-01", "2024-02-29", 2024, "month"),
        ("1900-02", "1900-02", "1900-02-01", "1900-02-28", 1900, "month"),
        ("2023-11-08", "2023-11-08", "2023-11-08", "2023-11-08", 2023, "day"),
        ("0001", "0001", "0001-01-01", "0001-12-31", 1, "year"),
        ("9999-12-31", "9999-12-31", "9999-12-31", "9999-12-31", 9999, "day"),
        ("201X", "201X", "2010-01-01", "2019-12-31", None, "decade"),
        ("20XX", "20XX", "2000-01-01", "2099-12-31", None, "century"),
        ("2023?", "2023-uncertain", "2023-01-01", "2023-12-31", None, "year"),
        ("2023-11-08?", "2023-11-08-uncertain", "2023-11-08", "2023-11-08", None, "day"),
        ("2008~", "2008-approx", "2007-01-01", "2009-12-31", None, "year"),
        ("2004%", "2004-uncertain-approx", "2003-01-01", "2005-12-31", None, "year"),
        ("2023-12~", "2023-12-approx", "2023-11-01", "2024-01-31", None, "month"),
        ("2024-01~", "2024-01-approx", "2023-12-01", "2024-02-29", None, "month"),
        ("2023-11-08~", "2023-11-08-approx", "2023-11-01", "2023-11-15", None, "day"),
        ("201X~", "201X-approx", "2005-01-01", "2024-12-31", None, "decade"),
        ("0001~", "0001-approx", "0001-01-01", "0002-12-31", None, "year"),
        ("0001-01-03~", "0001-01-03-approx", "0001-01-01", "0001-01-10", None, "day"),
        ("9999-12~", "9999-12-approx", "9999-11-01", "9999-12-31", None, "month"),
        ("9999-12-31~", "9999-12-31-approx", "9999-12-24", "9999-12-31", None, "day"),
        ("2023-05-18/2023-05-19", "2023-05-18_2023-05-19", "2023-05-18", "2023-05-19", 2023, "interval"),
        ("2023/2024-05", "2023_2024-05", "2023-01-01", "2024-05-31", None, "interval"),
        ("2010/..", "2010_open", "2010-01-01", None, None, "interval"),
        ("2010/", "2010_unknown", "2010-01-01", None, None, "interval"),
        ("../2010-05", "open_2010-05", None, "2010-05-31", None, "interval"),
        ("/2010-05", "unknown_2010-05", None, "2010-05-31", None, "interval"),
        ("[..2024-02-21]", "by-2024-02-21", None, "2024-02-21", None, "window"),
        ("[2014..]", "from-2014", "2014-01-01", None, None, "window"),
        (
            "[2024-02-01..2024-02-21]",
            "2024-02-01-or-2024-02-21",
            "2024-02-01",
            "2024-02-21",
            2024,
            "window",
        ),
    ],
)
def test_reads_what_the_guide_lists(
    text: str, slug: str, earliest: str | None, latest: str | None, year: int | None, precision: str
) -> None:
    """Each form of the modelling guide has its slug, bounds, year and precision; `~` alone widens."""
    expected = DateNode(
        slug,
        text,
        ISO(earliest) if earliest else None,
        ISO(latest) if latest else None,
        year,
        precision,
        approximate="~" in text or "%" in text,
        uncertain="?" in text or "%" in text,
    )
    assert expected == parse_edtf(text)


@pytest.mark.parametrize(
    ("text", "finding", "remedy"),
    [
        ("2023-02-29", "February 2023 has 28 days", "write 2023-02"),
        ("1900-02-29", "February 1900 has 28 days", "write 1900-02"),
        ("2023-11-31", "November 2023 has 30 days", "write 2023-11"),
        ("2023-11-00", "November 2023 has 30 days", "write 2023-11"),
        ("2023-13", "months 01 to 12", "2023"),
        ("2023-00-01", "months 01 to 12", "2023"),
        ("2023-24", "a season", "Write 2023"),
        ("2023-XX", "no more than the vaguer date", "Write 2023."),
        ("2023-XX-XX", "no more than the vaguer date", "Write 2023."),
        ("2023-11-XX", "no more than the vaguer date", "Write 2023-11."),
        ("2023-11-XX?", "no more than the vaguer date", "Write 2023-11?."),
        ("2024/2023", "ends before it begins", "2023/2024"),
        ("2023-05-19/2023-05-18", "ends before it begins", "2023-05-18/2023-05-19"),
        ("2023/2023", "begins and ends with the same date", "Write 2023."),
        ("../..", "no date at either end", "leave the field out"),
        ("/", "no date at either end", "leave the field out"),
        ("2023~/2024", "cannot be an end of an interval", "without"),
        ("201X/2024", "cannot be an end of an interval", "without"),
        ("2023/05/18", "more than one slash", "2023-11-08"),
        ("0000", "no year 0", "0001 to 9999"),
        ("0000-05-01", "no year 0", "0001 to 9999"),
        ("000X", "year 0", "0001 to 9999"),
        ("00XX?", "year 0", "0001 to 9999"),
        ("20XX~", "no stated width", "20XX?"),
        ("[..2024-02-21]", "no date of a record", "{not_after: 2024-02-21}"),
        ("2023-11-08T15:35", "a time of day", "2023-11-08."),
        ("2023-11-8", "lacks a zero", "Write 2023-11-08."),
        ("2023-1", "lacks a zero", "Write 2023-01."),
        (" 2023", "space around it", "Write 2023."),
        ("2023\n", "space around it", "Write 2023."),
        ("", "an empty date", "Leave the field out"),
        ("２０２３", "is no date", "2023-11-08"),
        ("23", "is no date", "2023-11-08"),
        ("-0044", "is no date", "2023-11-08"),
        ("Y17E7", "is no date", "2023-11-08"),
        ("12023", "is no date", "2023-11-08"),
        ("08.11.2023", "is no date", "2023-11-08"),
        ("2023-?11", "is no date", "2023-11-08"),
        ("?2023", "is no date", "2023-11-08"),
        ("2XXX", "is no date", "2023-11-08"),
        ("2023~?", "is no date", "2023-11-08"),
        ("now", "is no date", "2023-11-08"),
    ],
)
def test_refuses_everything_else_and_says_what_to_write(text: str, finding: str, remedy: str) -> None:
    """What is no date of ours is refused, with the finding and the remedy apart."""
    with pytest.raises(DateError) as caught:
        parse_date(text)
    assert finding in caught.value.finding
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("not_before", "not_after", "finding"),
    [
        (None, None, "open on both sides"),
        ("2024", "2023", "ends before it begins"),
        ("2023?", None, "cannot be a side of a window"),
        (None, "201X", "cannot be a side of a window"),
        ("2023-01", "2023-12-31", "the same as 2023"),
        ("0001-01", "0001-12", "the same as 0001"),
        ("2023-11-08", "2023-11-08", "the same as 2023-11-08"),
        ("2023-11-01", "2023-11-30", "the same as 2023-11"),
    ],
)
def test_refuses_windows_that_say_nothing_or_have_a_plainer_form(
    not_before: str | None, not_after: str | None, finding: str
) -> None:
    """A window has a plain date on one side at least, and is not a year, month or day in disguise."""
    with pytest.raises(DateError) as caught:
        window(not_before, not_after)
    assert finding in caught.value.finding


@pytest.mark.parametrize(
    ("finer", "vaguer"),
    [
        ("2023-11-08", "2023"),
        ("2023-11", "2023"),
        ("2023", "202X"),
        ("202X", "20XX"),
        ("2023", "2023?"),
        ("2023-11-08", "2023-11-08?"),
        ("2023-11-08?", "2023-11"),
        ("2023", "2023~"),
        ("2022", "2023~"),
        ("2024-02-20", "[..2024-02-21]"),
        ("2024-02", "[2014..]"),
        ("[2024-02-01..2024-02-21]", "[..2024-02-21]"),
        ("2023-05-18/2023-05-19", "2023-05"),
        ("2023-05-18/2023-05-19", "[..2023-06-01]"),
        ("2023-11-01/2023-11-30", "2023-11"),
        ("2014/..", "[2014..]"),
    ],
)
def test_a_finer_date_refines_a_vaguer_one(finer: str, vaguer: str) -> None:
    """Narrower bounds, or equal bounds without the mark, or what lasts within: it refines, and never back."""
    assert refines(parse_edtf(finer), parse_edtf(vaguer))
    assert not refines(parse_edtf(vaguer), parse_edtf(finer))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2023", "2024"),
        ("2023-11", "2023-10/2023-12"),
        ("2023-05-18", "2023-05-18/2023-05-19"),
        ("2023-05-18/2023-05-19", "2023-05-17/2023-05-20"),
        ("2010/..", "2010/"),
        ("2023-12", "2023-12-31/2024-01-01"),
        ("[2023-05..2023-07]", "[2023-06..2023-08]"),
        ("2023-11?", "2023-11?"),
    ],
)
def test_dates_that_only_meet_do_not_refine_each_other(one: str, other: str) -> None:
    """A day in an interval, two intervals, and overlapping dates disagree, either way round."""
    assert not refines(parse_edtf(one), parse_edtf(other))
    assert not refines(parse_edtf(other), parse_edtf(one))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2023", 365),
        ("2024-02", 29),
        ("2024-02-21", 1),
        ("202X", 3653),
        ("2023/..", None),
        ("[..2024]", None),
    ],
)
def test_width_counts_days(text: str, days: int | None) -> None:
    """The width is the number of days within both bounds; open has none."""
    assert days == width(parse_edtf(text))


# ---- Properties -------------------------------------------------------------------------------------------


@given(_texts)
def test_text_and_slug_lead_back(text: str) -> None:
    """A node is found again from its text and its slug; the slug is safe in IRIs and prefixed names."""
    node = parse_edtf(text)
    assert node == read_date(node.edtf)
    assert node == parse_edtf(text_of(node.slug))
    assert re.fullmatch(r"[0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?", node.slug)
    assert "--" not in node.slug


@given(_nodes, _nodes)
def test_slugs_are_unique(a: DateNode, b: DateNode) -> None:
    """Two texts never share a slug."""
    assert (a.edtf == b.edtf) == (a.slug == b.slug)


@given(_days)
def test_bounds_contain_the_day(day: date) -> None:
    """Every vaguer way to write a day, and every window around it, contains it; and it refines them."""
    text = day.isoformat()
    node = parse_date(text)
    vaguer = [text[:7], text[:4], *(text[:n] + mark for n in (4, 7, 10) for mark in "?~%")]
    vaguer += [f"[..{text}]", f"[{text}..]"]
    if day.year >= 10:
        vaguer += [text[:3] + "X", text[:3] + "X~"]
    assert (day, day) == bounds(node)
    for other in map(parse_edtf, vaguer):
        assert contains(other, node)
        assert refines(node, other)


@given(_nodes)
def test_bounds_are_in_order_and_the_year_is_theirs(node: DateNode) -> None:
    """No node ends before it begins; its year is that of both bounds, and only of an unmarked date."""
    if node.earliest and node.latest:
        assert node.earliest <= node.latest
    marked = node.approximate or node.uncertain
    common = {bound.year if bound else None for bound in bounds(node)}
    assert node.year == (common.pop() if len(common) == 1 and not marked else None)


@given(_plain)
def test_marks_widen_only_where_stated(text: str) -> None:
    """`?` leaves the bounds as they are; `~` and `%` contain them and reach equally far."""
    assert bounds(parse_date(text)) == bounds(parse_date(text + "?"))
    assert bounds(parse_date(text + "~")) == bounds(parse_date(text + "%"))
    assert contains(parse_date(text + "~"), parse_date(text))


@settings(max_examples=300)
@given(st.one_of(_near, _nodes), st.one_of(_near, _nodes))
def test_refines_is_irreflexive_and_asymmetric(a: DateNode, b: DateNode) -> None:
    """Nothing refines itself, no two dates refine each other, and what refines is contained."""
    assert not refines(a, a)
    assert not (refines(a, b) and refines(b, a))
    assert contains(b, a) or not refines(a, b)


def test_refines_is_transitive() -> None:
    """What refines a refinement refines: over all triples of dates that nest, meet and coincide."""
    nodes = [parse_edtf(text) for text in _SMALL]
    pairs = {(a, b) for a, b in itertools.product(nodes, nodes) if refines(a, b)}
    missing = [(a.edtf, b.edtf, c.edtf) for a, b in pairs for d, c in pairs if b == d and (a, c) not in pairs]
    assert not missing
    assert len(pairs) > 100


# ---- Oracles ----------------------------------------------------------------------------------------------
# Neither library widens `~` by our widths: literal bounds are compared, those of the text without the mark.
# Their known errors, named at the lines that allow for them:
# MIXED: undate cannot compare ends of unequal precision within one year.  MIXED_WINDOW: edtf reads a window
# only where both sides are equally precise.  NO_WINDOW: undate knows no one-of-a-range (EDTF level 2).
# UNKNOWN_END: edtf makes an unknown end ten years of its own.


def _literal_bounds(text: str) -> tuple[date | None, date | None]:
    return bounds(parse_edtf(text.rstrip("?~%")))


def _has_mixed_ends(text: str) -> bool:
    return len({len(end) for end in re.split(r"/|\.\.", text.strip("[]")) if end}) > 1


def _edtf_day(value: Any) -> date | None:
    """Turn a struct_time of `edtf` into a day; it writes an open side as an infinite float."""
    return None if isinstance(value, float) else date(*value[:3])


def _undate_day(value: Any) -> date | None:
    return None if value is None else ISO(str(value))


@settings(max_examples=150, deadline=None)
@given(_texts)
def test_edtf_agrees(text: str) -> None:
    """The library edtf reads every date of ours, with the same literal bounds."""
    try:
        theirs = edtf.parse_edtf(text)
    except edtf.EDTFParseException:
        assert text.startswith("[")  # MIXED_WINDOW
        assert _has_mixed_ends(text)
        return
    earliest, latest = _literal_bounds(text)
    if not text.startswith("/"):  # UNKNOWN_END
        assert earliest == _edtf_day(theirs.lower_strict())
    if not text.endswith("/"):  # UNKNOWN_END
        assert latest == _edtf_day(theirs.upper_strict())


@settings(max_examples=150, deadline=None)
@given(_texts.filter(lambda text: not text.startswith("[")))  # NO_WINDOW
def test_undate_agrees(text: str) -> None:
    """The library undate reads every date of ours but windows, with the same literal bounds."""
    try:
        theirs = undate.Undate.parse(text, "EDTF")
    except VisitError:
        assert _has_mixed_ends(text)  # MIXED
        return
    lower, upper = theirs.earliest, theirs.latest
    if isinstance(theirs, undate.UndateInterval):
        lower, upper = lower and lower.earliest, upper and upper.latest
    assert _literal_bounds(text) == (_undate_day(lower), _undate_day(upper))


# What the library edtf takes and we do not, with the reason: a text outside this table is an error of ours.
_REFUSED_ON_PURPOSE = {
    r"\d{4}-\d{2}-\d{2}[?~%]?": "an impossible day: edtf accepts 2023-02-29",
    r"0000.*|00[0X]X.*": "the year 0 is no Python date",
    r"-.*|Y.*|\d{5,}.*": "years outside 0001 to 9999",
    r".*-(2[1-9]|3\d|4[01])\b.*": "seasons: no source needs them yet",
    r".*X-.*|.*-X.*|.*-\dX.*|X.*|\dX.*|\d\dX\d.*|.*X/.*|.*/.*X.*": "unspecified digits inside a date",
    r"\d\dXX[~%]": "about a century has no stated width",
    r".*/.*": "reversed, one date twice, marks in an end, no end: edtf accepts each",
    r"[\[{].*": "sets, lists, and windows that equal a year, month or day",
    r".*[?~%].+": "marks inside a date, EDTF level 2",
    r"\d{4}[?~%]{2,}": "two marks",
    r".*[ T].*|.*\n": "times of day, space around: edtf strips",
    r"\d{1,4}[SEe]\d.*|\d{4}S\d.*": "significant digits and exponents, EDTF level 2",
    r"\d{2,3}": "centuries and decades by prefix, EDTF level 2",
}


@settings(max_examples=200, deadline=None)
@example(text="2023-05", position=6, letter="X", insert=False)
@example(text="2023-05", position=5, letter="X", insert=False)
@example(text="2023-05-18/2023-05-19", position=18, letter="X", insert=True)
@given(_texts, st.integers(0, 20), st.sampled_from("0123456789-/X?~%.[]T "), st.booleans())
def test_a_refusal_is_an_error_or_on_purpose(text: str, position: int, letter: str, insert: bool) -> None:
    """A date with one letter changed or added: if edtf still reads it and we do not, the reason is listed."""
    position = min(position, len(text))
    changed = text[:position] + letter + text[position + (not insert) :]
    if _is_date(changed):
        return
    try:
        edtf.parse_edtf(changed)
    except (edtf.EDTFParseException, ValueError, TypeError):  # TypeError: edtf's own, at `/..` alone
        return
    except AttributeError:
        assert "X" in changed  # edtf's own, at 2023-0X, which it takes
    assert [r for r in _REFUSED_ON_PURPOSE if re.fullmatch(r, changed, re.DOTALL)], changed


@pytest.mark.parametrize("text", ["2023-02-29", "1900-02-29", "2024/2023", "2023-24", "[2023,2024]", "2023-?11"])
def test_edtf_still_accepts_what_is_no_date_of_ours(text: str) -> None:
    """The reason for a whitelist of our own: it may go when this fails."""
    assert edtf.parse_edtf(text)
    assert not _is_date(text)


@pytest.mark.parametrize("text", ["23", "２０２３"])
def test_undate_still_accepts_what_is_no_date_of_ours(text: str) -> None:
    """The reason for a whitelist of our own: it may go when this fails."""
    assert undate.Undate.parse(text, "EDTF")
    assert not _is_date(text)

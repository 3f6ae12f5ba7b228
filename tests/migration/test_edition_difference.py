# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""What the comparison of two editions calls kept, set aside and lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_difference import ASIDE, REASONS, Facts, compare, describe_facts
from kgbuild.core.namespaces import GRAPH, expand

ARTICLE = f"{GRAPH}article/x"


def release(folder: Path, lines: str) -> Facts:
    """Write facts as a release: one a line, prefixed names, in the default graph or in the one of the fourth word."""
    folder.mkdir()
    quads = [[word if word[0] == '"' else f"<{_iri(word)}>" for word in line.split()] for line in lines.splitlines()]
    (folder / "graph.nq").write_text("".join(f"{' '.join(quad)} .\n" for quad in quads), encoding="utf-8")
    return Facts(folder)


def _iri(word: str) -> str:
    """Expand a name, that of a kind which is gone too."""
    if word.startswith(("state:", "role:")):
        kind, _, slug = word.partition(":")
        return f"https://w3id.org/icn/{'id' if kind == 'state' else 'vocabulary'}/{kind}/{slug}"
    return ARTICLE if word == "ARTICLE" else expand(word)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("meeting:m icn:host state:kz", "meeting:m icn:host polity:kz", None),
        ("statement:s icn:by state:kz", "statement:s icn:madeBy polity:kz", None),
        ("statement:s icn:by state:kz", "statement:s icn:madeBy polity:cn", ""),
        ('naming:n icn:text "x"', 'naming:n icn:nameText "x"', None),
        ('decision:d icn:text "x"', 'decision:d icn:wording "y"\ndecision:d icn:wording "x" ARTICLE', ASIDE),
        ('decision:d icn:text "x"', 'decision:d icn:wording "y"', ""),
        ("claim:c icn:asserts icn:text", "claim:c icn:asserts icn:wording", None),
        ("membership:a--b icn:role role:founding-member", "membership:a--b icn:standing standing:member", ""),
        (
            "membership:a--b icn:role role:founding-member",
            "membership:a--b icn:standing standing:member\nmembership:a--b icn:feature feature:founding",
            None,
        ),
        (
            "membership:a--b--observer icn:organization network:b",
            "membership:a--b icn:organization network:b",
            None,
        ),
        ("tie:a--b--x icn:tieType tie-type:supports", "meeting:m icn:host polity:kz", ""),
        (
            "change:a--merger icn:changed institution:a",
            "meeting:m icn:host polity:kz",
            REASONS["change", "icn:changed"],
        ),
    ],
)
def test_a_fact_is_kept_set_aside_or_lost(tmp_path: Path, old: str, new: str, why: str | None) -> None:
    """A fact in the terms of the first edition is looked for in those of the second; if it is gone, with its reason."""
    before, after = release(tmp_path / "old", old), release(tmp_path / "new", new)
    table, lost = compare(before, after)
    assert [why] * (why is not None) == [reason for _, reason in lost]
    assert 1 == sum(row["old"] for row in table.values())
    assert (why == ASIDE) == any(row["aside"] for row in table.values())
    text, is_explained = describe_facts(before, after)
    assert (why != "") == is_explained
    assert (why == "") == ("LOST" in text)


def test_what_is_new_is_counted(tmp_path: Path) -> None:
    """A fact that no fact of the first edition became is added; terms, vocabularies and names are no facts."""
    old = release(tmp_path / "old", "meeting:m icn:host state:kz")
    graphs = "\n".join(
        f"meeting:m icn:{name} polity:kz {graph}".rstrip()
        for name in ("topic", "caption")
        for graph in (("", "graph:ontology") if name == "caption" else ("",))
    )
    new = release(tmp_path / "new", f"meeting:m icn:host polity:kz\n{graphs}")
    table, _ = compare(old, new)
    assert {("meeting", "icn:topic"): 1} == {key: row["added"] for key, row in table.items() if row["added"]}

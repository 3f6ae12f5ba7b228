"""Identifiers with their scheme: what an entity file and a claim may write, what comes out, what is refused where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions

from kgbuild.build.ontology import read_ontology
from kgbuild.build.pipeline import check_graph, compile_graph
from kgbuild.core.errors import DataError, Issue
from kgbuild.core.namespaces import sparql_header
from kgbuild.core.progress import Silent
from mini import ROOT, copy_project, sources
from nonempty import nonempty

ENTITY = "data/entities/polity/lakeland.yaml"
ARTICLE = "data/articles/2019/2019-05-15-network-founded.yaml"
CLAIM = """\
  - attribute: {of: lakes-founding-agreement, identifier: {scheme: untc, value: %s}}
    says: The agreement is registered with the United Nations.
"""


def identify(project: Path, entity: str, identifiers: str) -> int:
    """Add identifiers to an entity file, and give the line of the first."""
    path = project / entity
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}identifiers:\n{identifiers}", encoding="utf-8")
    return len(text.splitlines()) + 2


def claim(project: Path, value: str) -> int:
    """Add a claim of an identifier to an article, and give its line."""
    with (project / ARTICLE).open("r+", encoding="utf-8") as record:
        line = len(record.read().splitlines()) + 1
        record.write(CLAIM % value)
    return line


def refused(project: Path) -> list[Issue]:
    """Build, and give the findings."""
    with pytest.raises(DataError) as caught:
        compile_graph(sources(project))
    return list(caught.value.issues)


def test_identifiers_have_nodes_of_their_own(tmp_path: Path) -> None:
    """A file's and a claim's identifier name scheme and code, are called by both, and hold in the resolved view."""
    project = copy_project(tmp_path)
    identify(project, ENTITY, "  m49: 004\n  wikidata: Q148\n")
    claim(project, "I-54113")
    graph = compile_graph(sources(project))
    check_graph(graph, sources(project), Silent()).raise_errors()
    query = """SELECT ?thing ?node ?scheme ?code ?label { ?thing icn:identifiedBy ?node .
        ?node a icn:Identifier ; icn:identifierScheme ?scheme ; skos:notation ?code ; rdfs:label ?label
        FILTER (LANG(?label) = "en") } ORDER BY ?code"""
    answer = graph.dataset.query(sparql_header() + query)
    assert isinstance(answer, QuerySolutions)
    found = [[cell.value for cell in row] for row in answer]
    base = "https://w3id.org/icn/"
    lakeland, treaty = f"{base}id/polity/lakeland", f"{base}id/agreement/lakes-founding-agreement"
    scheme = f"{base}vocabulary/identifier-scheme/"
    assert [
        [lakeland, f"{lakeland}#identifier-m49", f"{scheme}m49", "004", "UN M49 004"],
        [treaty, f"{treaty}#identifier-untc", f"{scheme}untc", "I-54113", "UN treaty registration I-54113"],
        [lakeland, f"{lakeland}#identifier-wikidata", f"{scheme}wikidata", "Q148", "Wikidata Q148"],
    ] == found


def test_an_unknown_scheme_is_refused(tmp_path: Path) -> None:
    """It is a finding at its line, with the schemes that there are."""
    project = copy_project(tmp_path)
    line = identify(project, ENTITY, "  wikdata: Q148\n")
    (issue,) = refused(project)
    assert (ENTITY, line, "unknown-concept") == (issue.place.path, issue.place.line, issue.code)
    assert "cow, doi, " in issue.remedy
    assert "wikidata?" in issue.remedy


def test_a_code_of_another_form_is_refused(tmp_path: Path) -> None:
    """A value that the scheme cannot have is a finding at its line, in a file and in a claim alike."""
    project = copy_project(tmp_path)
    in_file, in_article = identify(project, ENTITY, "  m49: 1560\n"), claim(project, "54113")
    by_path = {issue.place.path: issue for issue in refused(project)}
    assert {ENTITY: in_file, ARTICLE: in_article} == {path: issue.place.line for path, issue in by_path.items()}
    assert {"identifier-form"} == {issue.code for issue in by_path.values()}
    assert "[0-9]{3}" in by_path[ENTITY].remedy


def test_two_polities_with_one_code_are_found(tmp_path: Path) -> None:
    """It is an error at the line of the second one's code."""
    project = copy_project(tmp_path)
    identify(project, ENTITY, "  cow: 710\n")
    line = identify(project, "data/entities/polity/rivermark.yaml", "  cow: 710\n")
    graph = compile_graph(sources(project))
    issues = [i for i in check_graph(graph, sources(project), Silent()) if i.code == "same-identifier"]
    assert [("data/entities/polity/rivermark.yaml", line, "error")] == [
        (issue.place.path, issue.place.line, issue.severity) for issue in issues
    ]


FORMS = {
    "cow": ("2", "0710"),
    "doi": ("10.1000/182", "https://doi.org/10.1000/182"),
    "geonames": ("1814991", "https://sws.geonames.org/1814991/"),
    "isni": ("000000012146438X", "0000 0001 2146 438X"),
    "m49": ("004", "4"),
    "ror": ("02mhbdp94", "https://ror.org/02mhbdp94"),
    "untc": ("II-1289", "54113"),
    "viaf": ("139312023", "x139312023"),
    "wikidata": ("Q148", "148"),
}
"""Scheme -> a code that it could have, and one that it could not."""


def test_each_scheme_has_its_form() -> None:
    """Each has a regular expression, which tells a code of the scheme from what people write for it."""
    ontology = read_ontology(ROOT / "ontology", ROOT)
    assert sorted(FORMS) == ontology.slugs("identifier-scheme")
    for scheme, (right, wrong) in nonempty(FORMS.items()):
        form = ontology.identifier_forms[ontology.concepts["identifier-scheme", scheme]]
        assert re.fullmatch(form, right), scheme
        assert not re.fullmatch(form, wrong), scheme

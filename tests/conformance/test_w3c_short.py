# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""A selection of the W3C's tests through our endpoint, which runs with all other tests.

W3C_SHORT names what `fetch_w3c.py` made: the suite of SPARQL 1.1 as of 2022.  Of each of its folders, the tests
that share one dataset are run, and those of service descriptions.  test_w3c.py runs the whole of w3c/rdf-tests.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import run

CHECKOUT = Path(os.environ.get("W3C_SHORT") or "build/w3c-tests")
MANY = 90
"""How many tests the selection has at least: fewer would say that the suite was not read."""
SUPERSEDED = {
    "sparql11/functions/strdt03": "It is of RDF 1.0, where a text was no xsd:string; replaced by strdt03-rdf11.",
    "sparql11/functions/strlang03": "It is of RDF 1.0, where a text was no xsd:string; replaced by strlang03-rdf11.",
}
"""Tests of the selection that w3c/rdf-tests has no longer."""


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """Run the selection, once."""
    if not CHECKOUT.is_dir():
        pytest.skip(f"{CHECKOUT} is not there: run `python tests/fetch_w3c.py {CHECKOUT}`, which needs a network")
    return run.run_short(CHECKOUT.resolve())


def test_selection_passes(results: dict[str, str]) -> None:
    """Every test of the selection passes, but for those that skips.yaml or the W3C itself gave up."""
    known = run.skips().keys() | SUPERSEDED.keys()
    assert {} == {name: why for name, why in results.items() if why and name not in known}
    assert [] == [name for name in known if results.get(name) == ""], "what passes is not in a list of what does not"


def test_selection_has_tests_of_every_kind(results: dict[str, str]) -> None:
    """Each folder of query evaluation has tests in the selection, and so have service descriptions."""
    folders = {
        "aggregates", "bind", "bindings", "construct", "csv-tsv-res", "exists", "functions", "grouping", "json-res",
        "negation", "project-expression", "property-path", "service-description", "subquery",
    }  # fmt: skip
    assert folders == {name.split("/")[1] for name in results}
    assert MANY <= len(results)


def test_every_skip_has_a_reason() -> None:
    """The list of skips gives each of them a sentence."""
    skips = run.skips()
    assert skips
    assert [] == [name for name, reason in skips.items() if not reason.endswith(".")]

# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The W3C's tests of query evaluation, of the protocol and of service descriptions, through our endpoint.

W3C_TESTS names a checkout of w3c/rdf-tests, which is not ours to commit. skips.yaml says which tests are not passed,
and why; one of them that passes after all is a failure too, so that the list stays true.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import run

CHECKOUT = Path(os.environ.get("W3C_TESTS", ""))
HAS_TESTS = "W3C_TESTS" in os.environ and (CHECKOUT / "sparql" / "sparql11").is_dir()
RUNS = {"evaluation": run.run_evaluation, "protocol": run.run_protocol}

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, str]]:
    """Run all tests, once; they are the W3C's, and not ours to keep here."""
    if not HAS_TESTS:
        pytest.skip("The W3C's tests are not here: make conformance W3C_TESTS=DIR, a checkout of w3c/rdf-tests.")
    return {title: whole(CHECKOUT.resolve(), "kgbuild") for title, whole in RUNS.items()}


@pytest.mark.parametrize("title", RUNS)
def test_what_is_not_skipped_passes(
    results: dict[str, dict[str, str]], title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every test passes, but for those that skips.yaml gives a reason for; the counts are printed."""
    found, skips = results[title], run.skips()
    with capsys.disabled():
        print(f"\nW3C {title}\n{run.count(found)}")
    assert {} == {name: why for name, why in found.items() if why and name not in skips}


def test_every_skip_is_needed(results: dict[str, dict[str, str]]) -> None:
    """A test that passes is not in the list of skips, nor one that does not exist."""
    found = {name: why for each in results.values() for name, why in each.items()}
    assert [] == [name for name in run.skips() if not found.get(name, "")]

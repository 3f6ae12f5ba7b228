"""What follows from the resolved set, kept apart in a graph of its own.

The rules are the SPARQL updates of `ontology/rules/`, run in order of their names.  Each writes what it adds into the
default graph and into `graph/inferred`.  The hierarchy rules run again at the end, for what the later rules added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import RdfFormat, Store

from kgbuild.build.stages import Stage, StageLimits, Watch
from kgbuild.build.store import update
from kgbuild.core.errors import DataError, Findings, Place, display_name, error
from kgbuild.core.files import find_files, read_text
from kgbuild.sparql.refusals import refuse_rule


@dataclass(frozen=True)
class Rule:
    """One rule file: its name for messages, its update."""

    name: str
    text: str


def load_rules(directory: Path, root: Path) -> list[Rule]:
    """Read the rules in the order they run in; raises DataError with what no rule may say, in all of them."""
    rules = read_rules(directory, root, findings := Findings())
    findings.raise_errors()
    return rules


def read_rules(directory: Path, root: Path, findings: Findings) -> list[Rule]:
    """Read the rules that may be run, in the order they run in; what is wrong with the others is noted."""
    rules = []
    for path in find_files(directory, "*.ru"):
        name = display_name(path, root)
        try:
            rule = Rule(name, read_text(path, name))
        except DataError as refused:
            findings.add(refused.issues)
            continue
        if refusal := refuse_rule(rule.text):
            findings.error(Place(name, refusal.line, refusal.column), "rule", refusal.finding, refusal.remedy)
        else:
            rules.append(rule)
    return [*rules, *(rule for rule in rules if "closure" in rule.name)]


def infer_apart(
    make: Callable[[], Store], load: Callable[[], list[Rule]], limits: StageLimits, findings: Findings
) -> Store:
    """Make a store and add what follows by the rules that `load` reads, in a stage of its own.

    A rule that passes its limit is a finding, and the others are run again without it, from the beginning.
    """

    def work(watch: Watch) -> Iterator[bytes]:
        store = make()
        infer(store, load(), watch)
        yield store.dump(format=RdfFormat.N_QUADS) or b""

    inferred = Store()
    for nquads in Stage("the rules", limits, findings).run(work):
        inferred.bulk_load(nquads, format=RdfFormat.N_QUADS)
    return inferred if len(inferred) else make()


def infer(store: Store, rules: list[Rule], watch: Watch | None = None) -> None:
    """Add what follows; a rule that cannot be run is a finding in its file."""
    for rule in rules:
        if watch and not watch.begin(rule.name):
            continue
        try:
            update(store, rule.text)
        except (SyntaxError, OSError, RuntimeError, ValueError) as problem:
            finding = f"this rule cannot be run: {problem}"
            raise DataError([error(Place(rule.name), "rule", finding, "Mend the file.")]) from problem

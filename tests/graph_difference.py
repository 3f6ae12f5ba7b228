"""What two builds of the same records say differently: `python tests/graph_difference.py OLD NEW`.

Each is a release's folder, or a build folder with a current one.  Quads that only one of them has are counted by graph
and predicate; the articles' graphs count as one.  Ends with 1 if anything is lost.

With `--editions`, OLD is of the ontology's first edition and NEW of the second: facts of the default graph (without
ontology, vocabularies, names, and what follows in outside terms) are written in the terms and IRIs of the second, and
looked for there.  A fact has several forms where a property became two, and is kept if one is there.  Ends with 1 if
one is gone without a reason.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kgbuild.core.namespaces import ARTICLE_GRAPH, GRAPH, ID, ONTOLOGY, VOCABULARY, expand, shorten
from kgbuild.records.old_forms import ROLES

Counts = Counter[tuple[str, str]]
"""(graph, predicate) -> number of quads."""


def find_release(folder: Path) -> Path:
    """Find the release that a folder is, or that is current in it."""
    return folder if (folder / "graph.nq").is_file() else folder / "current"


def read_lines(folder: Path) -> set[bytes]:
    """Read the canonical N-Quads of a release: one line a quad, equal quads as equal lines."""
    return set((find_release(folder) / "graph.nq").read_bytes().splitlines(keepends=True))


def count(lines: Iterable[bytes]) -> Counts:
    """Count quads by graph and predicate."""
    return Counter(_place(quad) for quad in parse(b"".join(lines), format=RdfFormat.N_QUADS))


def _place(quad: Quad) -> tuple[str, str]:
    graph = quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else "(default)"
    short = "article/…" if graph.startswith(ARTICLE_GRAPH) else graph.removeprefix(GRAPH)
    return short, shorten(quad.predicate.value)


def describe(added: Counts, lost: Counts) -> str:
    """Write a table with a line for each graph and predicate that differs, and the totals."""
    rows = [(*key, added[key], lost[key]) for key in sorted({*added, *lost})]
    rows.append(("all", "", added.total(), lost.total()))
    return "".join(
        f"{graph:14} {predicate:28} {'+' + str(a):>8} {'-' + str(b):>6}\n" for graph, predicate, a, b in rows
    )


# The first edition and the second -------------------------------------------------------------------------------------

RENAMED = {
    "about": ("observed", "onSubject"),
    "by": ("madeBy",),
    "from": ("tiedFrom", "original"),
    "partner": ("cooperator",),
    "place": ("venue", "place"),
    "role": ("standing", "feature"),
    "signed": ("signedOn",),
    "text": ("wording", "nameText"),
    "tieType": ("tieType", "changeType"),
    "to": ("tiedTo", "resulting"),
    "value": ("number",),
}
"""Property of the first edition -> those that say the same in the second."""
CONCEPTS = {
    "tie-type/partner": "tie-type/cooperates",
    "tie-type/predecessor": "change-type/replacement",
    "presence/in-person": "attendance-mode/in-person",
    "presence/online": "attendance-mode/online",
}
ASIDE = "set aside by resolution; its article says it still"
REASONS = {
    ("change", "icn:changed"): "a succession is of no one: who took part stands in original and resulting",
    ("change", "icn:resulting"): "the body stands among the originals, and goes on: what results would be a new one",
    ("claim", "icn:asserts"): "as the two facts of the succession",
    ("meeting", "icn:dated"): "follows from the planned date, which a finer one replaces",
    ("tenure", "icn:beganBy"): "two tenures are one: its bound is the narrower of theirs",
    ("tenure", "icn:endedNotBefore"): "two tenures are one: its bound is the narrower of theirs",
    ("tie", "rdf:type"): "a tie `predecessor` is a succession of the type replacement",
}
"""Kind of subject and property -> why a fact of the first edition is not in the second, nor in an article."""
CLASSES = {"State": "Polity", "Territory": "Polity"}
Table = dict[tuple[str, str], Counter[str]]


class Facts:
    """The facts of a release, and what its default graph says of classes."""

    def __init__(self, folder: Path) -> None:
        quads = list(parse(path=str(find_release(folder) / "graph.nq"), format=RdfFormat.N_QUADS))
        apart: dict[str, set[Triple]] = defaultdict(set)
        for quad in quads:
            apart[_place(quad)[0]].add(quad.triple)
        made = {t for t in apart["inferred"] if not t.predicate.value.startswith(ONTOLOGY)}
        known = apart["ontology"] | apart["vocabularies"] | apart["names"]
        self.triples = apart["(default)"] - made - known
        self.known = known
        self.said = apart["article/…"]
        self.classes = Counter(
            shorten(t.object.value)
            for t in apart["(default)"] - known
            if t.predicate.value == expand("rdf:type") and isinstance(t.object, NamedNode)
        )

    def values(self, predicate: str) -> dict[str, set[str]]:
        """Subject -> values of a property, as IRIs and texts."""
        found: dict[str, set[str]] = {}
        for t in self.triples | self.known:
            if t.predicate.value == expand(predicate) and isinstance(t.subject, NamedNode):
                found.setdefault(t.subject.value, set()).add(getattr(t.object, "value", ""))
        return found


class Renewal:
    """Old IRI -> IRI of the second edition."""

    def __init__(self, old: Facts, new: Facts) -> None:
        self.moved: dict[str, str] = {}
        self._claims(old, new)
        self._tenures(old, new)
        for membership in old.values("icn:organization"):
            first, _, last = membership.rpartition("--")
            if shorten(membership).startswith("membership:") and last in ROLES:
                self.moved[membership] = first
        for tie, types in old.values("icn:tieType").items():
            start, end, _ = tie.removeprefix(f"{ID}tie/").split("--")[:3]
            if f"{VOCABULARY}tie-type/predecessor" in types:
                self.moved[tie] = f"{ID}change/{start}--to--{end}--replacement"
            elif f"{VOCABULARY}tie-type/partner" in types:
                self.moved[tie] = tie.removesuffix("partner") + "cooperates"
        for change, originals in old.values("icn:original").items():
            sides = sorted(each.rpartition("/")[2] for each in originals)
            type_ = change.rpartition("--")[2]
            close = [c for c in new.values("icn:original") if c.startswith(f"{ID}change/{'--'.join(sides)}--to--")]
            self.moved.update((change, now) for now in close if now.endswith(type_))
        for disagreement in old.values("icn:setAside"):
            if disagreement.endswith("--value"):
                self.moved[disagreement] = disagreement.removesuffix("value") + "number"

    def _claims(self, old: Facts, new: Facts) -> None:
        """Find claims by what they say: their IRIs hold a hash of what is written."""
        said: list[dict[tuple[str, str], str]] = []
        for facts in (old, new):
            articles, says = facts.values("icn:inArticle"), facts.values("icn:says")
            said.append({(min(articles[c]), min(says[c])): c for c in articles if c in says})
        self.moved.update({claim: said[1][key] for key, claim in said[0].items() if key in said[1]})

    def _tenures(self, old: Facts, new: Facts) -> None:
        broad, office = new.values("icn:broadOffice"), old.values("icn:office")
        above = new.values("skos:broader")
        for tenure, offices in office.items():
            top = first = min(offices)
            while top in above:
                top = min(above[top])
            moved = tenure.replace(f"--{first.rpartition('/')[2]}--", f"--{top.rpartition('/')[2]}--")
            if moved in broad:
                self.moved[tenure] = moved

    def iri(self, iri: str) -> str:
        """Give the IRI that something has now; a node of a claim's goes with it."""
        base, mark, rest = iri.partition("#")
        if mark and iri.startswith(ID):
            return f"{self.moved.get(base, base)}#{rest}"
        for scheme in ("state", "territory"):
            iri = iri.replace(f"{ID}{scheme}/", f"{ID}polity/")
        slug = iri.removeprefix(VOCABULARY)
        return VOCABULARY + CONCEPTS[slug] if slug in CONCEPTS else self.moved.get(iri, iri)

    def forms(self, triple: Triple) -> Iterator[Triple]:
        """Write a fact as the second edition may."""
        property_, value = triple.predicate.value.removeprefix(ONTOLOGY), triple.object
        properties = [NamedNode(ONTOLOGY + name) for name in RENAMED.get(property_, ())] or [triple.predicate]
        values: list[NamedNode | Literal] = [value] if isinstance(value, NamedNode | Literal) else []
        if isinstance(value, NamedNode):
            name = value.value.removeprefix(ONTOLOGY)
            if value.value.startswith(ONTOLOGY):
                values = [NamedNode(ONTOLOGY + n) for n in RENAMED.get(name, (CLASSES.get(name, name),))]
            else:
                values = [NamedNode(self.iri(value.value))]
        subject = NamedNode(self.iri(triple.subject.value)) if isinstance(triple.subject, NamedNode) else triple.subject
        yield from (Triple(subject, p, v) for p, v in product(properties, values))

    def needed(self, triple: Triple) -> list[list[Triple]]:
        """List what must be there for a fact to be kept: one triple of each list; a role is a standing and features."""
        if triple.predicate.value != f"{ONTOLOGY}role" or not isinstance(triple.object, NamedNode):
            return [list(self.forms(triple))]
        (subject, *_) = {form.subject for form in self.forms(triple)}
        said = ROLES[triple.object.value.rpartition("/")[2]].replace("features", "feature").split(", ")
        pairs = [part.split(": ") for part in said]
        return [[Triple(subject, NamedNode(ONTOLOGY + p), NamedNode(f"{VOCABULARY}{p}/{v}"))] for p, v in pairs]


def kind_of(triple: Triple) -> tuple[str, str]:
    """Name the kind of a fact's subject, and its property."""
    iri = triple.subject.value if isinstance(triple.subject, NamedNode) else ""
    name = shorten(iri.partition("#")[0]) if iri.startswith(ID) else shorten(iri)
    return name.partition(":")[0], shorten(triple.predicate.value)


def compare(old: Facts, new: Facts) -> tuple[Table, list[tuple[Triple, str]]]:
    """Count facts by kind and property, each edition's under its own name; list those that are gone, each with why."""
    renewal, table, kept = Renewal(old, new), Table(), set[Triple]()
    lost: list[tuple[Triple, str]] = []
    for triple in old.triples:
        needed = renewal.needed(triple)
        found = [[form for form in forms if form in new.triples] for forms in needed]
        row = table.setdefault(kind_of(triple), Counter())
        row["old"] += 1
        kept.update(form for forms in found for form in forms)
        if not all(found):
            is_said = all(any(form in new.said for form in forms) for forms in needed)
            row["aside" if is_said else "lost"] += 1
            lost.append((triple, ASIDE if is_said else REASONS.get(kind_of(triple), "")))
    for triple in new.triples:
        row = table.setdefault(kind_of(triple), Counter())
        row["new"] += 1
        row["added"] += triple not in kept
    return table, sorted(lost, key=str)


def describe_facts(old: Facts, new: Facts) -> tuple[str, bool]:
    """Write what became of the facts, and say whether each that is gone has a reason."""
    table, lost = compare(old, new)
    lines = [
        f"{name:44} {old.classes[name]:6} {new.classes[name]:6}"
        for name in sorted({*old.classes, *new.classes})
        if name.startswith("icn:") and old.classes[name] != new.classes[name]
    ]
    cells = ("old", "new", "aside", "lost", "added")
    table["all", ""] = sum(table.values(), Counter())
    lines.append(f"{'':44} " + " ".join(f"{cell:>6}" for cell in cells))
    lines += [
        f"{kind:14} {name:29} " + " ".join(f"{row[cell]:6}" for cell in cells)
        for (kind, name), row in sorted(table.items())
        if row["old"] != row["new"] or row["aside"] or row["lost"] or row["added"]
    ]
    lines += [f"{' '.join(shorten(str(t).strip('<>')) for t in triple)}: {why or 'LOST'}" for triple, why in lost]
    return "\n".join(lines) + "\n", all(why for _, why in lost)


def main() -> None:
    """Compare the two releases that the command line names."""
    names = [name for name in sys.argv[1:] if name != "--editions"]
    if len(names) < len(sys.argv) - 1:
        text, is_explained = describe_facts(*(Facts(Path(name)) for name in names))
        sys.stdout.write(text)
        sys.exit(0 if is_explained else 1)
    old, new = (read_lines(Path(name)) for name in names)
    lost = count(old - new)
    sys.stdout.write(describe(count(new - old), lost))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()

"""The reference of the ontology for people: every term with all that the ontology says of it, and two diagrams.

All of it comes from the release's catalogue, so that it is the ontology that the data were made with.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from kgbuild.build.catalogue.reference import KINDS, ClassBranch, OntologyTerm, Reference
from kgbuild.core.namespaces import ONTOLOGY, ONTOLOGY_IRI, shorten
from kgbuild.core.terms import reach
from kgbuild.questions.named import Question
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.diagrams import DiagramText, Node, Part, situation_diagram, tree_diagram
from kgbuild.server.pages.rendering import best_label, page, translations_of

_SITUATION: Final = f"{ONTOLOGY}Situation"
_USED: Final = re.compile(r"\bicn:([A-Za-z][A-Za-z0-9_]*)")


async def ontology_page(service: Service, reader: Reader, links: Sequence[object]) -> Response:
    """Make the page, with `links` in its head; raises Problem where the data hold no ontology."""
    if not service.catalogue.reference.terms:
        raise problem("not-found", "The data that are served here come without the ontology.")
    # Some hundred milliseconds: other requests go on meanwhile.
    return await asyncio.to_thread(_render, service, replace(reader, here="/ontology"), links)


def _render(service: Service, reader: Reader, links: Sequence[object]) -> Response:
    reference, questions = service.catalogue.reference, service.settings.questions
    return page(
        "ontology.html",
        reader,
        reference=reference,
        kinds={kind: reference.of_kind(kind) for kind in KINDS},
        branches=reference.branches(),
        asked=questions_using(reference, questions),
        titles={name: question.title[reader.interface] for name, question in questions.items()},
        shorten=shorten,
        namespace=ONTOLOGY,
        iri=ONTOLOGY_IRI,
        links=links,
        tree=_tree(reference, reader),
        situation=_situation(reference, reader, service.catalogue.classes),
        patterns=service.catalogue.patterns,
    )


def questions_using(reference: Reference, questions: Mapping[str, Question]) -> dict[str, list[str]]:
    """Find which named questions use each term: term -> names of questions, in order."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, question in questions.items():
        lines = [line for line in question.text.splitlines() if not line.lstrip().startswith("#")]
        for used in sorted(set(_USED.findall("\n".join(lines)))):
            if ONTOLOGY + used in reference.terms:
                found[ONTOLOGY + used].append(name)
    return dict(found)


def _name(iri: str, reference: Reference, reader: Reader) -> str:
    """Name a term for a diagram: ours in the reader's language, another one by its prefixed name."""
    term = reference.terms.get(iri)
    return best_label(term.labels, reader)[0] or term.name if term else shorten(iri)


def _drawn(branch: ClassBranch, reference: Reference, reader: Reader) -> Node:
    return Node(_name(branch.iri, reference, reader), tuple(_drawn(each, reference, reader) for each in branch.below))


def _tree(reference: Reference, reader: Reader) -> str:
    _ = translations_of(reader.interface).gettext
    caption = DiagramText(
        "tree",
        _("The classes"),
        _("Each line leads from a class to the narrower ones on its right. The table of contents lists the same."),
        reader.labels[0],
    )
    return tree_diagram(caption, [_drawn(branch, reference, reader) for branch in reference.branches()])


def _situation(reference: Reference, reader: Reader, counted: Mapping[str, int]) -> str:
    """Draw the parts of the kind of situation that has most of its own; of equals, the commonest in the data."""
    kinds = [t for t in reference.of_kind("class") if any(reference.terms[iri].key_part for iri in t.properties)]
    if not kinds:
        return ""
    return draw_class(reference, reader, max(kinds, key=lambda t: (len(t.properties), counted.get(t.iri, 0))))


def draw_class(reference: Reference, reader: Reader, shown: OntologyTerm) -> str:
    """Draw the parts of a class: its own with those of the classes above it, and those of every situation."""
    above = reach([shown.iri], lambda iri: reference.terms[iri].above if iri in reference.terms else ())
    own = [iri for class_ in above if class_ in reference.terms for iri in reference.terms[class_].properties]
    general = reference.terms[_SITUATION].properties if _SITUATION in above else ()

    def part(iri: str, *, is_general: bool) -> Part:
        ranges = ", ".join(_name(each, reference, reader) for each in reference.terms[iri].ranges)
        return Part(_name(iri, reference, reader), ranges or "…", is_general=is_general)

    keys = [part(iri, is_general=False) for iri in own if reference.terms[iri].key_part]
    values = [part(iri, is_general=False) for iri in own if iri not in general and not reference.terms[iri].key_part]
    values += [part(iri, is_general=True) for iri in general]
    _ = translations_of(reader.interface).gettext
    name = _name(shown.iri, reference, reader)
    caption = DiagramText(
        "situation",
        _("A situation and its parts: %(name)s") % {"name": name},
        _(
            "In the middle the situation. On the left what identifies it, on the right what sources say of it; "
            "dashed what every kind of situation has. Under each name stands what its values are."
        ),
        reader.labels[0],
    )
    return situation_diagram(caption, name, keys, values)

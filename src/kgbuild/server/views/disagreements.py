"""The page of a disagreement: each value with those who give it, and what decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kgbuild.server.languages import Reader
from kgbuild.server.service import Service
from kgbuild.server.views.evidence import Shown, Voice, add, add_names, gather
from kgbuild.server.views.layout import N_


@dataclass(frozen=True, slots=True)
class Side:
    """A value in a disagreement, with those who say so."""

    value: Shown
    standing: str
    """A message id: kept, set aside, or neither, as what the kept one says more exactly."""
    voices: tuple[Voice, ...]


async def disagreement(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of a disagreement: about what, each value with its voices, and what decided."""
    found = await gather(service, reader, [thing])
    about, property_, rule = (found.one(thing, name) for name in ("about", "onProperty", "decidedBy"))
    await add(service, found, [each for each in (about, rule) if each])
    await add_names(service, found)
    kept, aside = found.get(thing, "kept"), found.get(thing, "setAside")
    given = {term for each in found.claims_on(about) for term in found.given(each, about, property_)}
    standings = [
        *((term, N_("kept")) for term in kept),
        *((term, N_("set aside")) for term in aside),
        *((term, N_("less precise")) for term in sorted(given - {*kept, *aside})),
    ]
    sides = [Side(found.show(term), standing, found.voices_for(about, property_, term)) for term, standing in standings]
    said = found.of(rule).get("http://www.w3.org/2004/02/skos/core#definition", []) if rule else []
    return "disagreement.html", {
        "thing": thing,
        "name": found.name(about),
        "property": found.name(property_) if property_ else Shown(""),
        "about_thing": found.name(about) if about else None,
        "sides": sides,
        "rule": found.name(rule) if rule else None,
        "why": found.text({term.language: term.value for term in said}),
    }

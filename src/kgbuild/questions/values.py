"""Values of parameters: read as people write them, and written as people read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from kgbuild.core.composition import compose
from kgbuild.core.errors import UsageError
from kgbuild.core.folding import plain
from kgbuild.core.namespaces import EXTERNAL, ID, PREFIXES, shorten
from kgbuild.core.terms import Term, iri, literal
from kgbuild.questions import lookup
from kgbuild.questions.lookup import Candidate, did_you_mean, expand_name
from kgbuild.sparql.lookups import LookUp

XSD: Final = EXTERNAL["xsd"]

# Type of a parameter -> the class its values belong to; "" for any entity.
ENTITY_TYPES: Final = {
    "actor": "Actor",
    "agreement": "Agreement",
    "entity": "",
    "institution": "Institution",
    "meeting": "Meeting",
    "network": "Network",
    "person": "Person",
    "place": "Place",
    "polity": "Polity",
}
# Type of a parameter -> the prefix of the vocabulary its values are in.
CONCEPT_TYPES: Final = {"measure": "measure", "office": "office", "standing": "standing", "status": "status-concept"}
PLAIN_TYPES: Final = ("boolean", "date", "fact", "text", "year")
TYPES: Final = (*ENTITY_TYPES, *CONCEPT_TYPES, *PLAIN_TYPES)
LONGEST_SHOWN: Final = 200
"""Characters of a value that a message repeats."""

_GIVE: Final = "Give an id, an IRI, or a name as membership:acsh--china-central-asia-academies."
_ENCODING: Final = "Give it in the encoding of your terminal."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its type is one of `TYPES`; `default` is written as in the query file, `UNDEF` for none."""

    name: str
    type: str
    about: str
    optional: bool
    default: str


class ParameterError(UsageError):
    """A parameter that a question does not have, or has with no such value; `near` are things that may be meant."""

    def __init__(self, message: str, parameter: str, finding: str, near: Sequence[Candidate] = ()) -> None:
        super().__init__(message)
        self.parameter, self.finding, self.near = parameter, finding, tuple(near)


def write_value(parameter: Parameter, term: Term | None) -> str:
    """Write a value as people give it, so that reading it gives the same term: the id of an entity; "" for none."""
    if term is None or term.kind != "iri":
        return term.value if term else ""
    if parameter.type in CONCEPT_TYPES:
        return term.value.removeprefix(PREFIXES[CONCEPT_TYPES[parameter.type]])
    if parameter.type in ENTITY_TYPES and term.value.startswith(ID):
        return term.value.removeprefix(ID).partition("/")[2]
    return shorten(term.value)


def default_term(written: str) -> Term | None:
    """Read a default for showing: its IRI or its text."""
    if written == "UNDEF":
        return None
    if written.startswith('"'):
        return literal(written[1:].partition('"')[0])
    expanded = expand_name(written)
    return iri(expanded) if expanded else literal(written)


def read_value(parameter: Parameter, text: str) -> LookUp[Term | None]:
    """Read one value as people write it; an empty text leaves an optional parameter out.

    Entities and concepts are looked up: for an unknown one, a ParameterError names the nearest.
    """
    text = text.strip() if parameter.type != "text" else text
    if not text.strip():
        if parameter.optional:
            return None
        raise _wrong(parameter, text, "is empty", "Give a value.")
    if not _is_unicode(text):
        raise _wrong(parameter, ascii(text)[1:-1], "is no valid Unicode", _ENCODING)
    if parameter.type in ENTITY_TYPES:
        return (yield from _read_entity(parameter, text))
    if parameter.type in CONCEPT_TYPES:
        return (yield from _read_concept(parameter, text))
    if parameter.type == "fact":
        return (yield from _read_fact(parameter, text))
    return _READERS[parameter.type](parameter, text)


def _read_entity(parameter: Parameter, text: str) -> LookUp[Term]:
    class_ = ENTITY_TYPES[parameter.type]
    named = expand_name(text)
    found = yield from lookup.successor(named) if named else lookup.find_by_id(text)
    classes = (yield from lookup.classes_of(found)) if found else set()
    if found is None or not classes:
        return iri((yield from _find_named(parameter, text)))
    if class_ and class_ not in classes:
        names = yield from lookup.names_of([found])
        what = f"is {names[found]}, not {_a(parameter.type)}"
        raise _wrong(parameter, text, what, f"Give the id of {_a(parameter.type)}.")
    return iri(found)


def _find_named(parameter: Parameter, text: str) -> LookUp[str]:
    class_ = ENTITY_TYPES[parameter.type]
    found = yield from lookup.find_by_name(text, class_)
    if len(found) == 1:
        return found[0]
    candidates = yield from lookup.entity_candidates(class_)
    if found:
        same = yield from _distinct(found, candidates)
        raise _wrong(parameter, text, f"is the name of {len(found)} things", did_you_mean(same).strip(), same)
    remedy = "The question find-by-name tells ids by a part of a name."
    raise (yield from _unknown(parameter, text, candidates, remedy))


def _read_concept(parameter: Parameter, text: str) -> LookUp[Term]:
    base = PREFIXES[CONCEPT_TYPES[parameter.type]]
    thing = expand_name(text) if ":" in text else base + text
    candidates = yield from lookup.concept_candidates(base)
    known = {candidate.iri for candidate in candidates}
    named = {candidate.iri for candidate in candidates if plain(candidate.name) == plain(text)}
    if thing in known:
        return iri(thing)
    if len(named) == 1:
        return iri(named.pop())
    raise (yield from _unknown(parameter, text, candidates, f"The vocabulary is at {base.rstrip('/')}."))


def _unknown(parameter: Parameter, text: str, candidates: Sequence[Candidate], remedy: str) -> LookUp[ParameterError]:
    near = yield from lookup.nearest(text.rpartition("/")[2].rpartition(":")[2], candidates)
    remedy = did_you_mean(near).strip() or remedy
    return _wrong(parameter, text, f"is neither id nor name of {_a(parameter.type)}", remedy, near)


def _read_fact(parameter: Parameter, text: str) -> LookUp[Term]:
    found, finding, near = yield from _find_anything(text)
    if found is None:
        raise _wrong(parameter, text, finding, did_you_mean(near).strip() or _GIVE, near)
    return iri(found)


def find_thing(text: str) -> LookUp[str]:
    """Find the IRI of anything in the graph by IRI, prefixed name, id, or a name that it alone has.

    Raises UsageError with the nearest things that are known.
    """
    text = text.strip()
    if not _is_unicode(text):
        raise UsageError(f"'{ascii(text)[1:-1]}' is no valid Unicode. {_ENCODING}")
    found, finding, near = yield from _find_anything(text)
    if found is None:
        raise UsageError(f"'{text}' {finding}. {did_you_mean(near).strip() or _GIVE}")
    return found


def _find_anything(text: str) -> LookUp[tuple[str | None, str, Sequence[Candidate]]]:
    """Find a thing, else what is wrong with the text, and what comes near."""
    named = expand_name(text)
    found = yield from lookup.successor(named) if named else lookup.find_by_id(text)
    if found is not None and (yield from lookup.exists(found)):
        return found, "", ()
    bearers = [] if named else (yield from lookup.find_by_name(text))
    if len(bearers) == 1:
        return bearers[0], "", ()
    candidates = yield from lookup.entity_candidates()
    if bearers:
        return None, f"is the name of {len(bearers)} things", (yield from _distinct(bearers, candidates))
    candidates += yield from lookup.claimed_candidates()
    # An id is compared with ids, a name with a prefix with all that claims are about.
    near = yield from lookup.nearest(text, candidates)
    return None, "is not in the graph", near or (yield from lookup.nearest(text.rpartition(":")[2], candidates))


def _distinct(things: Sequence[str], candidates: Sequence[Candidate]) -> LookUp[list[Candidate]]:
    """Give things of one name, each once, by their ids."""
    names = yield from lookup.names_of(things)
    named = (replace(each, name=names[each.iri]) for each in candidates if each.iri in names)
    return list({each.iri: each for each in named}.values())


def _is_unicode(text: str) -> bool:
    """Refuse what Python makes of bytes that it cannot decode: no engine takes it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _read_year(parameter: Parameter, text: str) -> Term:
    if not re.fullmatch(r"[0-9]{4}", text) or text == "0000":
        raise _wrong(parameter, text, "is no year", "Write four digits, as 2023.")
    return literal(str(int(text)), XSD + "integer")


def _read_date(parameter: Parameter, text: str) -> Term:
    wrong = _wrong(parameter, text, "is no date", "Write a day of the calendar, as 2023-11-08.")
    # The pattern first: fromisoformat also takes 20231108 and weeks.
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise wrong
    try:
        day = date.fromisoformat(text)
    except ValueError as fault:
        raise wrong from fault
    return literal(day.isoformat(), XSD + "date")


def _read_boolean(parameter: Parameter, text: str) -> Term:
    words = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
    if text.lower() not in words:
        raise _wrong(parameter, text, "is neither yes nor no", "Write true or false.")
    return literal(words[text.lower()], XSD + "boolean")


def _read_text(_: Parameter, text: str) -> Term:
    # Names are kept in NFC; macOS hands over й as two characters.
    return literal(compose(text))


_READERS: Final[dict[str, Callable[[Parameter, str], Term]]] = {
    "boolean": _read_boolean,
    "date": _read_date,
    "text": _read_text,
    "year": _read_year,
}


def _wrong(
    parameter: Parameter, text: str, finding: str, remedy: str, near: Sequence[Candidate] = ()
) -> ParameterError:
    said = f"'{shown_part(text)}' {finding}. {remedy}"
    return ParameterError(f"Parameter '{parameter.name}': {said}", parameter.name, said, near)


def shown_part(text: str) -> str:
    """Cut a value to what a message repeats."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"

"""The registry of entities: by id, and by every name they have."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from kgbuild.core.errors import Findings, Issue, Place, error
from kgbuild.core.folding import plain
from kgbuild.core.ids import entity_iri
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Entity, Withdrawn
from kgbuild.records.values import RecordError


class Registry:
    """All entities of a build."""

    def __init__(
        self, entities: Iterable[Entity], unreadable: Iterable[str] = (), withdrawn: Iterable[Withdrawn] = ()
    ) -> None:
        self._by_id = {entity.id: entity for entity in entities}
        self._retired = {old: entity for entity in self for old in entity.model.retired}
        self._withdrawn = {each.id: each for each in withdrawn}
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self.unreadable = frozenset(unreadable)
        """Ids whose file has findings of its own: a reference to one is no second finding."""
        for entity in self:
            for name in _names(entity):
                self._by_name[plain(name)].add(entity.id)

    def __iter__(self) -> Iterator[Entity]:
        """Go through the entities in order of their ids."""
        return iter(self._by_id[id_] for id_ in sorted(self._by_id))

    def find_entity(self, name: str) -> Entity | None:
        """Find an entity by its id or by a name that it alone bears."""
        if name in self._by_id:
            return self._by_id[name]
        ids = self._by_name.get(plain(name), set())
        return self._by_id[next(iter(ids))] if len(ids) == 1 else None

    def resolve_entity(self, name: str) -> Entity:
        """Find an entity, or raise `RecordError` with the nearest names."""
        found = self.find_entity(name)
        if found is not None:
            return found
        if name in self._retired:
            now = self._retired[name].id
            raise RecordError("retired-entity", f"the id '{name}' is retired", f"Write {now}.")
        if name in self._withdrawn and self._withdrawn[name].kind != "article":
            finding = f"'{name}' was withdrawn on {self._withdrawn[name].model.on}"
            remedy = "Remove what is said of it here, or name the office or an unidentified party instead."
            raise RecordError("withdrawn-entity", finding, remedy)
        ids = sorted(self._by_name.get(plain(name), ()))
        if ids:
            finding = f"'{name}' is the name of {len(ids)} entities"
            raise RecordError("ambiguous-name", finding, f"Write one of {', '.join(ids)}.")
        near = self.nearest(name)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        remedy = f"{hint}Add the spelling to the entity's file, or create one in data/entities/."
        raise RecordError("unknown-entity", f"no entity named '{name}'", remedy)

    def look_up(
        self, name: str | None, kinds: Collection[str], path: KeyPath, place: Place, findings: Findings
    ) -> Entity | None:
        """Find the entity that the field at `path` names; an unknown one, or one of another kind, is a finding."""
        if name is None or name in self.unreadable:
            return None
        try:
            entity = self.resolve_entity(name)
        except RecordError as unknown:
            findings.error(place, unknown.code, unknown.finding, unknown.remedy)
            return None
        if entity.kind in kinds:
            return entity
        field = next(part for part in reversed(path) if isinstance(part, str))
        finding = f"'{name}' is a {entity.kind}, and `{field}` takes {' or '.join(sorted(kinds))}"
        findings.error(place, "wrong-kind", finding, "Name another entity, or mend the entity's file.")
        return None

    def nearest(self, name: str, count: int = 2) -> list[str]:
        """Name the entities whose ids or names are nearest, as `id (label)`."""
        known = {id_: {id_} for id_ in self._by_id} | dict(self._by_name)
        matches = difflib.get_close_matches(plain(name), sorted(known), n=8, cutoff=0.6)
        ids = list(dict.fromkeys(id_ for match in matches for id_ in sorted(known[match])))
        return [f"{id_} ({self._by_id[id_].label})" for id_ in ids[:count]]


def _names(entity: Entity) -> Iterator[str]:
    yield from entity.names.values()
    yield from entity.listed_names.values()
    for spellings in entity.model.spellings.values():
        yield from spellings


def duplicate_ids(entities: Iterable[Entity | Withdrawn]) -> Iterator[Issue]:
    """Say which ids, current or retired, belong to more than one file: an id is part of IRIs for ever."""
    owners: dict[str, Place] = {}
    for entity in entities:
        olds = entity.model.retired if isinstance(entity, Entity) else ()
        retired = [(old, entity.place("retired", i)) for i, old in enumerate(olds)]
        for id_, place in [(entity.id, entity.place()), *retired]:
            owner = owners.setdefault(id_, place)
            if owner is not place:
                finding = f"the id '{id_}' is taken by {owner.path}"
                yield error(place, "duplicate-id", finding, "Rename one file: ids are unique over all kinds.")


def iri_of(entity: Entity) -> str:
    """Give the entity's IRI."""
    return entity_iri(entity.kind, entity.id)

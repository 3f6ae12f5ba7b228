"""Generated records: as many articles as wanted, of our shapes and of no meaning; the same ones for the same seed."""

from __future__ import annotations

import random
from pathlib import Path

ARTICLE_SCHEMA = "# yaml-language-server: $schema=../../schema/article.schema.json\n"
STATES = (
    "AE AM AT AZ BE BG BY CH CN CZ DE EE EG ES FI FR GB GE GR HU ID IN IR IT JP KG KR KZ LT LV MN PL RU TJ TM TR UA UZ"
)
MONTHS = range(1, 13)


def write_records(folder: Path, articles: int, seed: int = 1) -> None:
    """Write a data folder with this many articles; the entities grow with them."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    world = _World(folder, articles, chance)
    for number in range(articles):
        _write_article(folder, number, world, chance)


class _World:
    """The entities that articles are about."""

    def __init__(self, folder: Path, articles: int, chance: random.Random) -> None:
        self.folder = folder
        self.states = [code.lower() for code in STATES.split()]
        for code in self.states:
            self._entity("polity", f"state-{code}", f"iso: {code.upper()}\n")
        self.states = [f"state-{code}" for code in self.states]
        self.publishers = self._many("institution", "publisher", 20)
        self.networks = self._many("network", "network", max(3, articles // 40))
        self.academies = self._many("institution", "academy", max(10, articles // 5), chance, "type: Academy\n")
        self.persons = self._many("person", "person", max(10, articles // 5))
        self.meetings = self._many("meeting", "meeting", max(10, articles // 2))
        self.agreements = self._many("agreement", "agreement", max(5, articles // 5))

    def _many(self, kind: str, stem: str, count: int, chance: random.Random | None = None, head: str = "") -> list[str]:
        ids = [f"{stem}-{number}" for number in range(count)]
        for id_ in ids:
            state = f"state: {chance.choice(self.states)}\n" if chance else ""
            label = id_.replace("-", " ").capitalize()
            self._entity(kind, id_, f"{head}names: {{en: {label}, ru: {label} (ru)}}\n{state}")
        return ids

    def _entity(self, kind: str, id_: str, text: str) -> None:
        path = self.folder / "entities" / kind / f"{id_}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _write_article(folder: Path, number: int, world: _World, chance: random.Random) -> None:
    year, month, day = chance.randint(2001, 2024), chance.choice(MONTHS), chance.randint(1, 28)
    published = f"{year}-{month:02}-{day:02}"
    network, meeting = chance.choice(world.networks), chance.choice(world.meetings)
    members = chance.sample(world.academies, 3)
    person, agreement = chance.choice(world.persons), chance.choice(world.agreements)
    joined = [chance.choice([str(year), f"{year}-{month:02}", published]) for _ in members]
    claims = [
        *(
            (
                f"membership: {{of: {member}, in: {network}, joined: {when}}}",
                f"Member {member} joined in article {number}.",
            )
            for member, when in zip(members, joined, strict=True)
        ),
        (f"change: {{of: {network}, type: founding, date: {1990 + len(network) % 9}}}", "The network was founded."),
        (f"meeting: {{is: {meeting}, type: conference, held: {published}}}", f"The meeting was held, says {number}."),
        (f"participation: {{of: {person}, in: {meeting}, for: {members[0]}}}", "A person took part for an academy."),
        (f"tenure: {{of: {person}, as: rector, in: {members[0]}, on: {published}}}", "The person is its rector."),
        (f"agreement: {{is: {agreement}, type: agreement, parties: [{members[0]}, {members[1]}]}}", "Two parties."),
        (
            f"count: {{of: {network}, what: institutional-members, number: {chance.randint(3, 90)}, on: {year}}}",
            "A count.",
        ),
        (
            f"statement: {{ref: remark, act: opinion, by: {person}, at: {meeting}, what: a remark {number}}}",
            "A remark.",
        ),
    ]
    head = (
        f"{ARTICLE_SCHEMA}source:\n  title: Generated article {number}\n  language: en\n  published: {published}\n"
        f"  publisher: {chance.choice(world.publishers)}\n  url: https://example.org/{number}\nclaims:\n"
    )
    path = folder / "articles" / str(year) / f"{published}-generated-{number}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "".join(f"  - {claim}\n    says: {says}\n" for claim, says in claims), encoding="utf-8")

# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The curated data: positions in the seed's text, what the seed alone may say, style, and the guide for curators."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import BaseModel
from pyoxigraph import Store

from kgbuild.documents import Document, parse_document
from kgbuild.errors import DataError, Issue
from kgbuild.namespaces import PREFIXES
from kgbuild.ontology import read_ontology
from kgbuild.pipeline import Sources, compile_graph, compile_records, normalised
from kgbuild.progress import Silent
from kgbuild.rdf import compile_article
from kgbuild.records import (
    CLAIM_KINDS,
    ENTITY_CLASSES,
    Article,
    ArticleText,
    Claim,
    ClaimNotes,
    EntityModel,
    Source,
    read_all,
    read_article,
    read_claim,
    read_entity,
)
from kgbuild.registry import Registry
from mini import ROOT, edit

DATA = ROOT / "data"
SEED = "2024-02-21-hub-nag-talks"
RECORDS = sorted(DATA.glob("articles/*/*.yaml"))
README = DATA / "README.md"


@cache
def article(path: Path) -> Article:
    read, issues = read_article(path, path.relative_to(ROOT).as_posix())
    assert read is not None, "\n".join(map(str, issues))
    return read


def seed() -> Article:
    (path,) = DATA.glob(f"articles/*/{SEED}.yaml")
    return article(path)


@pytest.fixture(scope="module")
def text() -> str:
    """Give the seed's text, which is its publisher's and no part of the repository."""
    folder, described = os.environ.get("KGBUILD_TEXTS"), seed().source.text
    if not folder:
        pytest.skip("KGBUILD_TEXTS names no folder with the texts of articles: they are not ours to publish")
    assert described is not None
    assert described.file is not None
    file = Path(folder) / described.file
    if not file.is_file():
        pytest.skip(f"the folder that KGBUILD_TEXTS names has no {described.file}")
    return normalised(file.read_bytes())


# --- positions --------------------------------------------------------------------------------------------------------


def name_of(claim: Claim) -> str:
    """Name a claim of the seed by its kind and what its identity begins with: "tenure baimenov"."""
    written = claim.written
    head = written.get("ref") or written.get("is") or written["of"]
    if isinstance(head, dict):
        head = head.get("is") or " ".join(filter(None, (head["unidentified"], head.get("of"))))
    return f"{claim.kind} {head}"


# What has to stand in the sentences that a claim of the seed points to: stems, since Russian words are inflected.
STEMS: dict[str, tuple[str, ...]] = {
    "meeting hub-nag-talks-2024-02": ("Астан", "Байменов", "Чунтао", "обсудили", "двусторонн", "сети"),
    "participation baimenov": ("Байменов", "Управляющего"),
    "participation xie-chuntao": ("Чунтао", "академии"),
    "participation zhang-xiao": ("Чжан", "участие"),
    "participation person cpc-central-committee": ("представители", "КПК"),
    "participation person nag-china": ("представители", "академии"),
    "tenure baimenov": ("Председатель", "комитета", "Байменов"),
    "tenure xie-chuntao": ("исполнительный", "Вице-президент", "Чунтао"),
    "tenure zhang-xiao": ("посол", "КНР", "РК", "Чжан"),
    "statement diversity-and-dialogue": ("Байменов", "многообразие", "диалог"),
    "statement support-of-the-hub": ("отметил", "поддерживает", "Хаба"),
    "membership china": ("Китай", "соучредител"),
    "meeting beijing-forum-2023": ("Форум", "Традиции", "ноябре", "Пекине"),
    "change china-central-asia-academies": ("создание", "рамках", "сети"),
    "meeting xian-summit-2023": ("саммите", "лидерами", "Сиане"),
    "decision unidentified": ("механизмов", "решений"),
    "statement first-mechanisms": ("Чунтао", "отметил", "первых"),
    "statement readiness-of-the-academy": ("готова", "хабом", "институтами"),
    "meeting hub-nag-event-2024": ("мероприятия", "году"),
    "meeting china-governance-forum-2024": ("Форум", "пройдет", "Китае"),
    "statement invitation-to-forum": ("пригласил", "Форум"),
    "proposal alliance-of-practitioners": ("предложил", "Альянса", "программ", "равный"),
    "attribute acsh": ("опыт", "Хаба", "Альянса"),
    "proposal case-studies-on-china": ("предложил", "кейс-стади", "Китая"),
    "proposal journal-section": ("предложил", "рубрики", "журнале"),
    "statement chinese-appraisal": ("сторона", "оценила", "потенциал"),
    "statement readiness-of-participants": ("Участники", "готовность", "инициатив", "посол", "Байменов"),
    "agreement network-founding-agreement-2023": ("2023", "подписано", "соглашение"),
    "membership institution": ("госучреждения", "шести", "Кыргызстан"),
    "membership acsh": ("включая", "Хаб"),
    "attribute china-central-asia-academies": ("Цель", "обмен", "кадров"),
}


def cuts(claim: Claim) -> list[tuple[int, int]]:
    return [(start, end) for start, end in claim.notes.at or ()]


def test_every_claim_of_the_seed_points_into_its_text() -> None:
    """The seed's text is at hand, so each of its claims has a position, and each is looked at below."""
    assert [] == [name_of(claim) for claim in seed().claims if not claim.notes.at]
    assert sorted(STEMS) == sorted(name_of(claim) for claim in seed().claims)


@pytest.mark.parametrize("claim", seed().claims, ids=name_of)
def test_positions_cut_what_the_claim_says(claim: Claim, text: str) -> None:
    """The sentences that a claim points to hold the words it rests on."""
    passage = " ".join(text[start:end] for start, end in cuts(claim))
    assert [] == [stem for stem in STEMS[name_of(claim)] if stem not in passage]


ALL_CUTS = sorted({cut for claim in seed().claims for cut in cuts(claim)})


@pytest.mark.parametrize("cut", ALL_CUTS, ids=str)
def test_positions_cut_one_whole_sentence(cut: tuple[int, int], text: str) -> None:
    """A cut begins where a sentence begins, ends with its full stop, and holds no second sentence."""
    start, end = cut
    sentence = text[start:end]
    assert re.fullmatch(r"(?:.*(?:[.!?]\s|\n))?", text[:start], re.DOTALL), "begins within a sentence"
    assert re.match(r"[А-ЯЁ]", sentence), "does not begin with a capital"
    assert re.search(r"[.!?]$", sentence), "does not end with a full stop"
    assert re.match(r"\s|$", text[end:]), "ends within a word"
    assert re.search(r"[.!?]\s+[А-ЯЁ]|\n", sentence) is None, "holds more than one sentence"


# --- what the seed alone says -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Compile the seed's record with all entities and no other article."""
    folder = tmp_path_factory.mktemp("seed")
    shutil.copytree(DATA / "entities", folder / "data" / "entities")
    (path,) = DATA.glob(f"articles/*/{SEED}.yaml")
    target = folder / "data" / path.relative_to(DATA)
    target.parent.mkdir(parents=True)
    shutil.copy(path, target)
    return compile_graph(Sources(folder / "data", ROOT / "ontology", ROOT / "queries", root=folder)).dataset


def asked(store: Store, where: str) -> list[tuple[str, ...]]:
    """Ask for `?a` and `?b`; IRIs are given by their last part."""
    prefixes = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
    found = store.query(f"{prefixes}SELECT DISTINCT ?a ?b WHERE {{ {where} }} ORDER BY ?a ?b")
    terms = [[getattr(term, "value", "") for term in solution] for solution in found]  # type: ignore[union-attr]
    return [tuple(re.sub(r"^.*[/#]", "", value) for value in row if value) for row in terms]


CENTRAL_ASIA = (
    "VALUES ?state { state:kazakhstan state:kyrgyzstan state:tajikistan state:turkmenistan state:uzbekistan }"
)


def test_the_seed_names_no_central_asian_academy(alone: Store) -> None:
    """Members of the network are the Hub and six unidentified institutions; no article triple names an academy."""
    unnamed = [
        (f"institution--{state}--china-central-asia-academies",)
        for state in ("china", "kazakhstan", "kyrgyzstan", "tajikistan", "turkmenistan", "uzbekistan")
    ]
    members = "?m icn:organization network:china-central-asia-academies ; icn:member ?a"
    assert [("acsh",), *unnamed] == asked(alone, members)
    academies = f"?a a icn:Academy ; icn:ofState ?state . {CENTRAL_ASIA}"
    assert 5 == len(asked(alone, academies)), "the academies have entity files, so that the next line says something"
    assert [] == asked(alone, f"{academies} GRAPH ?g {{ ?s ?b ?a }} ?g prov:hadPrimarySource ?article")


def test_the_seed_knows_the_forum_to_the_month(alone: Store) -> None:
    """The forum was held, and the network founded, in November 2023: no day is given."""
    for when in ("meeting:beijing-forum-2023 icn:held ?d", "?c icn:founded ?n ; icn:happened ?d"):
        assert [("2023-11", "month")] == asked(alone, f"{when} . ?d icn:edtf ?a ; icn:precision ?b")


def test_the_seed_gives_the_talks_no_day(alone: Store) -> None:
    """Of the talks only the last possible day is known, that of the publication."""
    held = "meeting:hub-nag-talks-2024-02 icn:held ?d ."
    assert [("2024-02-21", "window")] == asked(alone, f"{held} ?d icn:latest ?a ; icn:precision ?b")
    assert [] == asked(alone, f"{held} ?d icn:earliest ?a")
    dates = "meeting:hub-nag-talks-2024-02 ?a ?d . ?d a icn:Date"
    assert [("dated",), ("held",)] == asked(alone, dates), "no further property gives a date"


def test_the_seed_gives_the_summit_no_date(alone: Store) -> None:
    """The seed names the Xi'an summit and says nothing of when it was."""
    assert [("summit",)] == asked(alone, "meeting:xian-summit-2023 icn:meetingType ?a"), "the summit is there"
    assert [] == asked(alone, "meeting:xian-summit-2023 ?a ?d . ?d a icn:Date")


# --- style ------------------------------------------------------------------------------------------------------------

SEARCH_HOST = re.compile(r"(^|\.)(google|bing|yandex|baidu|duckduckgo)\.")
SEARCH_KEYS = {"q", "query", "s", "search", "text", "keyword", "keywords", "wd"}


def is_search_page(url: str) -> bool:
    parts = urlsplit(url)
    return bool(
        SEARCH_HOST.search(parts.hostname or "")
        or re.search(r"/search(/|$|\.)", parts.path)
        or SEARCH_KEYS & set(parse_qs(parts.query))
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.google.com/x", True),
        ("https://yandex.kz/news", True),
        ("https://paper.example/search?page=2", True),
        ("https://paper.example/?s=forum", True),
        ("https://paper.example/?p=4665", False),
        ("https://paper.example/research/1", False),
    ],
)
def test_search_pages_are_recognized(url: str, expected: bool) -> None:
    """A page of results is told from an article by its host, its path or its parameters."""
    assert expected == is_search_page(url)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_url_is_an_article(path: Path) -> None:
    """A record's url is one page of the web, and no list of search results."""
    url = article(path).source.url
    assert urlsplit(url).scheme in {"http", "https"}
    assert urlsplit(url).hostname
    assert not is_search_page(url)


def test_urls_are_unique() -> None:
    """No page is the source of two records, whatever its scheme or a slash at its end."""
    urls = [re.sub(r"^https?://(www\.)?|/$", "", article(path).source.url) for path in RECORDS]
    assert sorted(set(urls)) == sorted(urls)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_says_is_a_sentence_of_its_own(path: Path) -> None:
    """Each paraphrase has at least three words, ends with a full stop, and stands once in its record."""
    says = [claim.notes.says for claim in article(path).claims]
    assert [] == [text for text in says if len(words(text)) < 3 or not text.endswith(".")]
    assert sorted(set(says)) == sorted(says)


def own_words(claim: Claim) -> Iterator[str]:
    """Give all texts of a claim that are the curator's."""
    yield claim.notes.says
    yield from filter(None, (claim.notes.says_ru, claim.notes.because))
    ours = ("what", "topic", "purpose", "description", "practice", "entry_rule", "legal_basis", "funding")
    yield from (claim.written[field] for field in ours if field in claim.written)


def copied(ours: str, theirs: str, length: int = 8) -> list[str]:
    """List the runs of `length` words that two texts share."""
    there, here = words(theirs), words(ours)
    known = {tuple(there[i : i + length]) for i in range(len(there) - length + 1)}
    return [" ".join(run) for i in range(len(here) - length + 1) if (run := tuple(here[i : i + length])) in known]


def test_a_copy_is_recognized() -> None:
    """Eight words in a row are a copy, whatever their case and punctuation; seven are none."""
    theirs = "Yesterday one two three four five six seven eight, he said."
    assert ["one two three four five six seven eight"] == copied("ONE, two: three four five six seven eight", theirs)
    assert [] == copied("one two three four five six seven and eight", theirs)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_nothing_is_copied_from_the_seed(path: Path, text: str) -> None:
    """No text of ours shares eight words in a row with the seed's."""
    assert [] == [run for claim in article(path).claims for ours in own_words(claim) for run in copied(ours, text)]


# --- the guide for curators -------------------------------------------------------------------------------------------

GUIDE = README.read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
PROSE = FENCED.sub("", GUIDE)


def blocks(language: str) -> list[str]:
    """Give the guide's fenced blocks of a language, without their fences."""
    return [found[2] for found in FENCED.finditer(GUIDE) if found[1] == language]


def section(heading: str) -> str:
    """Give the prose and tables between a heading and the next one of its level or a higher one."""
    level = heading.index(" ")
    (part,) = re.findall(rf"^{heading}\n(.*?)(?=^#{{1,{level}}} |\Z)", PROSE, re.DOTALL | re.MULTILINE)
    return str(part)


def table(part: str) -> list[list[str]]:
    """Give the rows of all tables of a part."""
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


KINDS = {code(row[0])[0]: row for row in table(section("## Claims")) if len(row) == 3 and code(row[0])}
ITEMS = [line for block in blocks("yaml") if block.startswith("- ") for line in block.splitlines() if line[0] == "-"]
FIELD_LINES = [line for block in blocks("yaml") if block.startswith("of: ") for line in block.splitlines()]


def read_item(item: str) -> tuple[Claim | None, list[Issue]]:
    """Read one line of the guide as a claim with a paraphrase."""
    document, issues = parse_document(f"claims:\n  {item}\n    says: It says so.\n", "guide.yaml"), list[Issue]()
    assert isinstance(document, Document), document
    return read_claim(document, ("claims", 0), issues), issues


def keys(model: type[BaseModel]) -> list[tuple[str, bool]]:
    """List a model's keys as a curator writes them, each with whether it is required."""
    return [(field.alias or name, field.is_required()) for name, field in model.model_fields.items()]


def test_the_example_is_a_real_record() -> None:
    """The example stands word for word in the record it names; its first part is the record's beginning."""
    (path,) = DATA.glob(f"articles/*/{SEED}.yaml")
    record = path.read_text(encoding="utf-8")
    parts = [block for block in blocks("yaml") if "    says: " in block and not block.startswith("- ")]
    assert 2 == len(parts)
    assert record.startswith(f"{parts[0]}\n")
    assert record.endswith(f"\n{parts[1]}\n")
    assert f"articles/2024/{SEED}.yaml" in GUIDE


def test_the_example_of_an_entity_is_a_real_file() -> None:
    """The entity file shown is one of ours, whole."""
    (block,) = [block for block in blocks("yaml") if "entity.schema.json" in block]
    assert block + "\n" in [path.read_text(encoding="utf-8") for path in DATA.glob("entities/*/*.yaml")]


@pytest.mark.parametrize("item", ITEMS)
def test_example_is_a_claim(item: str) -> None:
    """Each example of one line is read without a finding."""
    claim, issues = read_item(item)
    assert [] == issues
    assert claim is not None


@pytest.mark.parametrize("line", FIELD_LINES)
def test_example_of_a_field_is_read(line: str) -> None:
    """Each way of writing a party is one that a membership takes."""
    _, issues = read_item(f"- membership: {{{line}, in: china-central-asia-academies}}")
    assert [] == issues


def test_examples_compile(tmp_path: Path) -> None:
    """The entities and words that the examples use exist: put into a record, they compile without a finding."""
    file = tmp_path / "2024-02-21-guide.yaml"
    source = "source: {language: ru, publisher: news-asia, url: https://news.example/1}\nclaims:\n"
    items = [*ITEMS, *(f"- membership: {{{line}, in: china-central-asia-academies}}" for line in FIELD_LINES)]
    file.write_text(source + "".join(f"  {item}\n    says: It says so.\n" for item in items), encoding="utf-8")
    record, issues = read_article(file, file.name)
    assert record is not None, issues
    entities, _ = read_all(DATA.glob("entities/*/*.yaml"), ROOT, read_entity)
    assert [] == compile_article(record, Registry(entities), read_ontology(ROOT / "ontology", ROOT))[1]


@pytest.mark.parametrize("kind", CLAIM_KINDS)
def test_guide_has_the_kind(kind: str) -> None:
    """Every kind of claim has its row, with all its fields, the required ones in bold, and an example of one line."""
    assert kind in KINDS, f"data/README.md has no row for `{kind}` in its table of claims"
    fields = keys(CLAIM_KINDS[kind])
    assert sorted(name for name, _ in fields) == sorted(set(code(KINDS[kind][2])))
    assert sorted(name for name, required in fields if required) == sorted(re.findall(r"\*\*`(\w+)`", KINDS[kind][2]))
    assert any(item.startswith(f"- {kind}: ") for item in ITEMS), f"data/README.md has no example of `{kind}`"


def test_guide_has_no_kind_of_its_own() -> None:
    """The table of claims and the examples tell of no kind that a record cannot have."""
    assert sorted(CLAIM_KINDS) == sorted(KINDS)


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (Source, "## The source"),
        (ArticleText, "## The source"),
        (ClaimNotes, "## Claims"),
        (EntityModel, "## Entities"),
    ],
)
def test_guide_has_the_keys(model: type[BaseModel], heading: str) -> None:
    """Every key of a source, of a text, of a claim's notes and of an entity file is told where it belongs."""
    told = set(re.findall(r"\b[a-z_0-9]+\b", " ".join(code(section(heading)))))
    assert [] == [name for name, _ in keys(model) if name not in told]


def test_guide_has_the_kinds_of_entities() -> None:
    """The guide lists exactly the folders that entities may lie in."""
    (listed,) = [words_ for words_ in code(section("## Entities")) if words_.startswith("agreement ")]
    assert sorted(ENTITY_CLASSES) == sorted(listed.split())


DATES = [form for row in table(section("### Dates"))[1:] for form in code(row[1])]


@pytest.mark.parametrize("form", DATES)
def test_a_date_of_the_guide_is_read(form: str) -> None:
    """Every way of writing a date that the guide teaches is one; only a stretch of time is no point in time."""
    assert [] == read_item(f"- meeting: {{is: xian-summit-2023, held: {form}}}")[1]
    issues = read_item(f"- membership: {{of: acsh, in: x, joined: {form}}}")[1]
    assert (["date-is-interval"] if "/" in form else []) == [issue.code for issue in issues]


COMMANDS = blocks("sh")


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=60
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the guide's sha256sum is a command of GNU coreutils")
def test_commands_give_hash_length_and_position(tmp_path: Path) -> None:
    """The guide's commands bring a text into form, and give its hash, its length and the position of a passage."""
    expected = "Й и ё.\nСеть создана в 2023 году. Конец.\n"
    written = unicodedata.normalize("NFD", expected).replace("\n", "\r\n")
    (tmp_path / "article.txt").write_bytes(b"\xef\xbb\xbf" + written.encode())
    form, hash_, length, position = [command for command in COMMANDS if "article.txt" in command]
    run(form, tmp_path)
    content = (tmp_path / "article.txt").read_bytes()
    assert expected.encode() == content
    assert normalised(content) == expected
    assert hashlib.sha256(content).hexdigest() == run(hash_, tmp_path).split()[0]
    assert f"{len(expected)}\n" == run(length, tmp_path)
    passage = run(position.replace("first words", "Сеть").replace("last words", "году."), tmp_path)
    assert "[7, 32] Сеть создана в 2023 году.\n" == passage


def test_message_is_what_the_mistake_gives(tmp_path: Path) -> None:
    """The message that the guide explains is the one that a wrong place name in the seed's record gives."""
    shutil.copytree(DATA, tmp_path / "data")
    (path,) = tmp_path.glob(f"data/articles/*/{SEED}.yaml")
    edit(path, "place: astana", "place: astna")
    with pytest.raises(DataError) as found:
        compile_records(Sources(tmp_path / "data", ROOT / "ontology", ROOT / "queries", root=tmp_path), Silent())
    (shown,) = blocks("")
    assert str(found.value) == shown
    (issue,) = found.value.issues
    assert f"line {issue.place.line}, column {issue.place.column}" in section("## Checking")


@pytest.mark.parametrize("path", [*RECORDS, *sorted(DATA.glob("entities/*/*.yaml"))], ids=lambda path: path.stem)
def test_editors_find_the_schema(path: Path) -> None:
    """The first line of a file leads an editor to the schema of its kind."""
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text(encoding="utf-8"))
    assert found is not None
    kind = "article" if path.is_relative_to(DATA / "articles") else "entity"
    assert (DATA / "schema" / f"{kind}.schema.json") == (path.parent / found[1]).resolve()

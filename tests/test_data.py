# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The curated data keep what the curators' guide says, and the first article says no more than its text does."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, Store

from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import compile_graph
from kgbuild.core.errors import Findings
from kgbuild.core.folding import normalise
from kgbuild.core.namespaces import PREFIXES
from kgbuild.records.documents import parse_document
from kgbuild.records.kinds import CLAIM_KINDS
from kgbuild.records.models import Article
from kgbuild.records.reading import read_article, read_claim
from nonempty import nonempty

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
RECORDS = sorted((ROOT / "data" / "articles").glob("*/*.yaml"))
SEED = ROOT / "data/articles/2024/2024-02-21-hub-nag-talks.yaml"
LONGEST_SHARED_RUN = 7
"""Words in a row that a paraphrase may share with the text: names of bodies are that long, sentences longer."""
CENTRAL_ASIAN = ("kazakhstan", "kyrgyzstan", "tajikistan", "turkmenistan", "uzbekistan")


def article(path: Path) -> Article:
    """Read a record that must be readable."""
    findings = Findings()
    read = read_article(path, path.name, findings)
    assert isinstance(read, Article), list(findings)
    return read


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """List all runs of words of a length."""
    found = words(text)
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


# --- every record ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_claim_is_paraphrased(path: Path) -> None:
    """Each claim has a sentence of its own, and a page is cited by its own address."""
    read = article(path)
    said = [claim.notes.says for claim in read.claims]
    assert [] == [sentence for sentence in said if len(words(sentence)) < 3 or not sentence.endswith(".")]
    assert len(said) == len(set(said))
    assert not re.search(r"[?&](q|query|search)=", read.source.url)


def test_no_page_is_two_records() -> None:
    """Pages are unique whatever the scheme and a slash at the end: else one voice would count twice."""
    pages = [re.sub(r"^https?://", "", article(path).source.url).rstrip("/") for path in RECORDS]
    assert sorted(set(pages)) == sorted(pages)


# --- the first article ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text() -> str:
    """Give the first article's text, which is not ours to publish."""
    folder, file = os.environ.get("KGBUILD_TEXTS"), article(SEED).source.text
    if not folder or file is None or not (Path(folder) / str(file.file)).is_file():
        pytest.skip("the text of the first article is not here: put its folder into KGBUILD_TEXTS")
    return normalise((Path(folder) / str(file.file)).read_bytes())


# A word that the passage must hold -> a field of the claim that rests on it.
CONTENT = {
    "hub-nag-talks-2024-02, type": "Астане",
    "baimenov, as: Алихан Байменов": "Байменов",
    "zhang-xiao, as: Чжан Сяо": "посол",
    "ref: diversity-and-dialogue": "многообразие",
    "china, in: acsh": "соучредителей",
    "beijing-forum-2023, type": "Пекине",
    "ref: unidentified": "решений",
    "ref: invitation-to-forum": "пригласил",
    "ref: alliance-of-practitioners": "Альянса практиков",
    "ref: case-studies-on-china": "кейс-стади",
    "ref: journal-section": "журнале",
    "ref: chinese-appraisal": "Китайская сторона",
    "ref: readiness-of-participants": "готовность",
    "network-founding-agreement-2023": "подписано соглашение",
    "unidentified: institution": "шести стран",
    "acsh, in: china-central-asia-academies": "включая Хаб",
    "purpose: exchange": "Цель сети",
}


@pytest.mark.parametrize("fields", CONTENT)
def test_positions_cut_the_right_sentences(text: str, fields: str) -> None:
    """The passages of a claim hold its word, begin a sentence, and end one."""
    record = SEED.read_text(encoding="utf-8")
    item = next(item for item in re.split(r"(?m)^(?=  - )", record) if fields in item)
    places = [(int(start), int(end)) for start, end in re.findall(r"\[(\d+), (\d+)\]", item)]
    cuts = [text[start:end] for start, end in places]
    assert cuts
    assert CONTENT[fields] in " ".join(cuts)
    for (start, _), cut in nonempty(zip(places, cuts, strict=True)):
        assert re.match(r"[А-ЯЁ“«]", cut), cut[:20]
        assert cut.endswith((".", "”")), cut[-20:]
        assert "\n" == text[start - 1] or text[:start].rstrip().endswith((".", "”", "!"))


def test_no_sentence_of_the_text_is_in_the_record(text: str) -> None:
    """Paraphrases share no run of words with the text that is longer than a name."""
    said = [str(value) for claim in article(SEED).claims for value in (claim.notes.says, *claim.written.values())]
    taken = runs(text, LONGEST_SHARED_RUN + 1)
    assert [] == [sentence for sentence in said if runs(sentence, LONGEST_SHARED_RUN + 1) & taken]


def test_nothing_of_the_page_around_the_article_is_cited(text: str) -> None:
    """No passage reaches into comments, other news or the page's head."""
    last = max(end for claim in article(SEED).claims for _, end in claim.notes.at or [])
    first = min(start for claim in article(SEED).claims for start, _ in claim.notes.at or [[10**6, 0]])
    assert first > text.index("Просмотров")
    assert last <= text.index("Я рекомендую")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Compile the first article with the entities and no other article."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(ROOT / "data" / "entities", folder / "data" / "entities")
    (folder / "data" / "articles" / "2024").mkdir(parents=True)
    shutil.copy(SEED, folder / "data" / "articles" / "2024")
    sources = Sources(data=folder / "data", ontology=ROOT / "ontology", queries=ROOT / "queries", root=folder)
    return compile_graph(sources).dataset


def rows(store: Store, pattern: str) -> list[tuple[str, ...]]:
    """Ask the default graph."""
    answer = store.query(f"SELECT * {{ {pattern} }}", prefixes=PREFIXES)
    assert isinstance(answer, QuerySolutions)
    return sorted(tuple(str(getattr(term, "value", "")) for term in solution) for solution in answer)


def test_alone_it_names_no_central_asian_academy(alone: Store) -> None:
    """The text counts institutions of six countries and names none: six placeholders, and the Hub."""
    members = "?m icn:organization network:china-central-asia-academies ; icn:member ?x"
    named = rows(alone, f"{members} . ?x icn:ofState ?state FILTER NOT EXISTS {{ ?x a icn:UnidentifiedParty }}")
    assert [] == named
    assert 6 == len(rows(alone, f"{members} . ?x a icn:UnidentifiedParty"))
    assert 7 == len(rows(alone, members))


def test_alone_it_dates_nothing_more_exactly_than_the_text(alone: Store) -> None:
    """A month for the forum and the founding, a last possible day for the talks, nothing for the summit."""
    held = "icn:held ?date . ?date icn:precision ?precision ; icn:edtf ?edtf"
    assert "2023-11" in rows(alone, f"meeting:beijing-forum-2023 {held}")[0]
    assert "2023-11" in rows(alone, "change:china-central-asia-academies--founding icn:happened/icn:edtf ?edtf")[0]
    assert "[..2024-02-21]" in rows(alone, f"meeting:hub-nag-talks-2024-02 {held}")[0]
    assert [] == rows(alone, "meeting:xian-summit-2023 icn:held|icn:planned ?date")


# --- the guide ------------------------------------------------------------------------------------------------------


def test_the_guide_shows_a_real_record() -> None:
    """The whole example is the first article's record, some claims left out."""
    example = re.search(r"```yaml\n(# yaml-language-server.*?)```", GUIDE, re.DOTALL)
    assert example is not None
    record = SEED.read_text(encoding="utf-8").splitlines()
    assert [] == [line for line in example[1].splitlines() if line not in record]


EXAMPLES = re.findall(r"\| `(\w+)` \|[^|]*\| `(\w+: \{.*\})` \|", GUIDE)


@pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_each_example_of_the_guide_can_be_read(kind: str, example: str) -> None:
    """The line that shows a kind is a claim of that kind without a finding."""
    text, findings = f"claims:\n  - {example}\n    says: An example of the guide.\n", Findings()
    document = parse_document(text, "data/README.md", findings)
    claim = read_claim(document, ("claims", 0), findings) if document else None
    assert [] == list(findings)
    assert claim is not None
    assert kind == claim.kind


def test_the_guide_knows_every_kind_and_field() -> None:
    """A kind or field that is added without a word in the guide is found."""
    listed = {kind: set(re.findall(r"\w+", fields)) for kind, fields in re.findall(r"\| `(\w+)` \| ([^|]*) \|", GUIDE)}
    assert sorted(CLAIM_KINDS) == sorted(listed)
    for kind, model in nonempty(CLAIM_KINDS.items()):
        fields = {field.alias or name for name, field in model.model_fields.items()}
        assert set() == fields - listed[kind], kind

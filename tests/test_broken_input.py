# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Broken input, as a curator meets it: every fault is told at its line, and the old release stays."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import rdflib
from rdflib.namespace import SH

from kgbuild.build.compilation import compile_records
from kgbuild.build.pipeline import check_articles
from kgbuild.build.release import current_release
from kgbuild.build.shapes import load_shapes
from kgbuild.core.errors import DataError, Issue, Place
from kgbuild.core.namespaces import ONTOLOGY, PREFIXES
from kgbuild.core.progress import Silent
from mini import MINI, ROOT, Done, copy_project, edit, is_whole, kgbuild, kgbuild_here, sources

# --- through the command ----------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n"
TEXT = "2019-05-15-network-founded.txt"


class Break(NamedTuple):
    """One thing broken in one file of the fixture, and the line that tells of it."""

    file: str
    damage: Callable[[Path], object]
    where: str
    told: str


def replacing(old: str, new: str) -> Callable[[Path], None]:
    return lambda path: edit(path, old, new)


BREAKS = {
    "YAML syntax": Break(
        "articles/2020/2020-10-10-summit-wire.yaml",
        replacing("title: Lakes Summit held", "title: Lakes Summit: held"),
        "2:22",
        "error syntax: this is not YAML: mapping values are not allowed in this context. Check the indentation,",
    ),
    "unknown key": Break(
        "articles/2021/2021-04-10-rector-profile.yaml",
        replacing("joined: 2021-02-10", "joind: 2021-02-10"),
        "10:60",
        "error unknown-key: there is no key 'joind' here. Known here: end_reason, features, in, joined, left, not, of, "
        "on, replaces, spell, standing. Did you mean joined?",
    ),
    "duplicate key": Break(
        "articles/2021/2021-11-09-hub-anniversary.yaml",
        replacing("from: 2019-07-01", "from: 2019-07-01, from: 2019"),
        "8:86",
        "error duplicate-key: the key 'from' stands here for the second time. Keep one of them.",
    ),
    "unknown entity": Break(
        "articles/2024/2024-02-05-highmoor-returns.yaml",
        replacing("in: lakes-academies, spell: 2024", "in: Озерная сеть академий, spell: 2024"),
        "11:43",
        "error unknown-entity: no entity named 'Озерная сеть академий'. Did you mean lakes-academies (Lakes Network of "
        "Academies)? Add the spelling to the entity's file, or create one in data/entities/.",
    ),
    "impossible date": Break(
        "articles/2019/2019-06-03-founding-members.yaml",
        replacing("in_force: {not_after: 2019-06-03}", "in_force: {not_after: 2019-06-31}"),
        "16:125",
        "error date: '2019-06-31' is no day: June 2019 has 30 days. Look the day up in the source; if it really says "
        "so, write 2019-06.",
    ),
    "offsets beyond the text": Break(
        "articles/2019/2019-05-15-network-founded.yaml",
        replacing("[269, 322]", "[269, 324]"),
        "23:10",
        "error offset-beyond-text: the position [269, 324] ends beyond the text of 323 characters. Count code points "
        "of the NFC text from 0.",
    ),
    "hash too short": Break(
        "articles/2022/2022-03-18-summit-announced.yaml",
        replacing("summit\nclaims:", "summit\n  text: {sha256: abc123, characters: 5}\nclaims:"),
        "7:18",
        "error wrong-hash: 'abc123' is not a SHA-256. Write the 64 hex digits that `sha256sum` prints, in quotes.",
    ),
    "another text at hand": Break(
        "articles/2020/2020-10-11-summit-copy.yaml",
        replacing("summit\nclaims:", f"summit\n  text: {{file: {TEXT}, sha256: {'0' * 64}, characters: 323}}\nclaims:"),
        "8:56",
        f"error wrong-hash: the text {TEXT} has another hash, d6147976c95b00be99f167ebbc5089f6352f87efd9fcb3d003bd18f9"
        "df25f204. Take the text the positions were counted in, or count them anew.",
    ),
    "empty file": Break(
        "articles/2022/2022-01-hub-page.yaml",
        lambda path: path.write_bytes(b""),
        "1:1",
        "error empty-file: the file says nothing. Write a record, or remove the file.",
    ),
    "not UTF-8": Break(
        "entities/person/ivo-brandt.yaml",
        lambda path: path.write_bytes("names: {en: Ivo Brandt, ru: Иво Брандт}\n".encode("cp1251")),
        "1:29",
        "error not-utf-8: byte 0xc8 is not UTF-8. Save the file as UTF-8.",
    ),
    "alias bomb": Break(
        "articles/2021/2021-03-02-academy-page.yaml",
        lambda path: path.write_text(BOMB),
        "1:4",
        "error anchor: an anchor stands here. Write each value out where it is used.",
    ),
    "100,000 brackets": Break(
        "articles/2020/2020-10-15-summit-report.yaml",
        lambda path: path.write_text("[" * 100_000),
        "1:33",
        "error too-deep: more than 32 levels of nesting. No record needs that: check the brackets.",
    ),
    "too large": Break(
        "entities/network/stonefell-circle.yaml",
        lambda path: path.write_text("#" * 1_000_001),
        "",
        "error too-large: the file has 1,000,001 bytes, more than 1,000,000. Split it, or leave out what does not "
        "belong in it: a record holds claims, not texts.",
    ),
    "misplaced file": Break(
        "articles/2022-05-01-new.yml",
        lambda path: path.write_text("source: {}\n"),
        "",
        "error misplaced: no stage reads a file with this name or in this folder. Articles are "
        "data/articles/<year>/<id>.yaml, entities data/entities/<kind>/<id>.yaml.",
    ),
    "fails a shape": Break(
        "articles/2019/2019-06-03-founding-members.yaml",
        replacing("features: founding, joined: 2019-05-14}\n    says: The L", "joined: 2019-07}\n    says: The L"),
        "8:87",
        "error membership-announced: The member joined after the article that says so was published",
    ),
}
READING = [name for name in BREAKS if name != "fails a shape"]
"""Those that keep a file from being read: shapes are not asked before everything reads."""
BY_COMMAND = ("100,000 brackets", "alias bomb", "YAML syntax", "fails a shape", "all")


class Build(NamedTuple):
    """A project with something broken, and what the command said of it."""

    folder: Path
    done: Done


def build_broken(folder: Path, project: Path, names: list[str], *, command: bool) -> Build:
    """Break a copy of the project that has a release, and build it: by the real command, or by its function here."""
    folder.mkdir()
    copy_project(folder)
    shutil.copytree(project / "build", folder / "build", symlinks=True)
    for name in names:
        BREAKS[name].damage(folder / "data" / BREAKS[name].file)
    run = kgbuild if command else kgbuild_here
    return Build(folder, run(folder, "build", "--texts", str(MINI / "texts")))


@pytest.fixture(scope="module")
def builds(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    """Build the fixture once with each break, and once with all that keep files from being read.

    The latter tells by the real command what each break tells here; those that could harm the process have their own.
    """
    folder = tmp_path_factory.mktemp("broken")
    broken = {**{name: [name] for name in BREAKS}, "all": READING}
    return {
        name: build_broken(folder / name, project, names, command=name in BY_COMMAND) for name, names in broken.items()
    }


def issue_lines(done: Done) -> list[str]:
    return [line for line in done.stderr.splitlines() if re.match(r"\S+ (error|warning) ", line)]


def order(line: str) -> tuple[str, int, int]:
    match = re.match(r"([^\s:]+)(?::(\d+):(\d+))? ", line)
    assert match, line
    return match[1], int(match[2] or 0), int(match[3] or 0)


@pytest.mark.parametrize("name", BREAKS)
def test_break_is_told_at_its_line(builds: dict[str, Build], name: str) -> None:
    """`path:line:column error code: finding. remedy`, once, exit code 1, nothing on standard output, no traceback."""
    broken, done = BREAKS[name], builds[name].done
    place = ":".join(part for part in (f"data/{broken.file}", broken.where) if part)
    (line,) = issue_lines(done)
    assert line.startswith(f"{place} {broken.told}")
    assert re.search(r"[.)] \S.*[.?]$", line), "no remedy"
    assert (1, "") == (done.returncode, done.stdout)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", [*BREAKS, "all"])
def test_old_release_stays_current(builds: dict[str, Build], project: Path, name: str) -> None:
    """After such a build the release from before is the only one, current and whole."""
    build, old = builds[name].folder / "build", current_release(project / "build").id
    assert (old, True) == (current_release(build).id, is_whole(build))
    assert [old] == [path.name for path in (build / "releases").iterdir()]


def test_all_findings_of_all_files_at_once(builds: dict[str, Build]) -> None:
    """Several broken files are told in one go, each as it is told alone, sorted by place."""
    done = builds["all"].done
    lines = issue_lines(done)
    assert sorted(line for name in READING for line in issue_lines(builds[name].done)) == sorted(lines)
    assert sorted(lines, key=order) == lines
    assert (1, False) == (done.returncode, "Traceback" in done.stderr)


# --- every shape, at the line of the offending field ------------------------------------------------------------------
#
# A « stands right before what is to be told.  Each record is an article of its own, published on 15 January 2022.

FAILED = {
    "accession-announced": "accession: {of: lakes-hub, to: lakes-academies, admitted: «2022-02}",
    "accession-invitation": "accession: {of: lakes-hub, to: lakes-academies, invited: 2021, admitted: «2020}",
    "accession-itself": "accession: {of: «lakes-hub, to: lakes-hub}",
    "accession-order": "accession: {of: lakes-hub, to: lakes-academies, applied: 2021, admitted: «2020}",
    "agreement-announced": "agreement: {is: lakes-founding-agreement, signed: «2022-03}",
    "agreement-order": "agreement: {is: lakes-founding-agreement, signed: 2019-05, in_force: «2018}",
    "agreement-expiry": "agreement: {is: lakes-founding-agreement, signed: 2019-05, expired: «2018}",
    "claim-asserts": "«meeting: {is: lakes-forum-2019}",
    "claim-says": "status: {of: lakes-hub, is: association}\n    says: «" + "So it is. " * 51,
    "count-observation-announced": "count: {of: lakes-academies, what: state-members, number: 4, on: «2023}",
    "count-observation-number": "count: {of: lakes-academies, what: state-members, number: «0}",
    "decision-carriedOutBy": "decision: {ref: a, carried_out_by: [lakes-hub, «lakes-forum-2019]}",
    "denial-contradiction": "membership: {of: ivo-brandt, in: lakes-hub}\n    says: Is.\n"
    "  - membership: {of: ivo-brandt, in: lakes-hub, not: «true}",
    "meeting-announced": "meeting: {is: lakes-summit-2022, held: «2022-01-16}",
    "meeting-itself": "meeting: {is: lakes-forum-2019, part_of: «lakes-forum-2019}",
    "membership-announced": "membership: {of: lakes-hub, in: lakes-academies, joined: «2022-02}",
    "succession-itself": "change: {type: merger, original: [lakes-hub, «lakes-academies], resulting: lakes-academies}",
    "membership-itself": "membership: {of: «lakes-academies, in: lakes-academies}",
    "membership-order": "membership: {of: lakes-hub, in: lakes-academies, joined: 2020-05, left: «2020-04}",
    "naming-order": "name: {of: lakes-hub, text: {en: Hub}, from: 2020, until: «2019}",
    "participation-itself": "participation: {of: lakes-hub, in: lakes-forum-2019, for: [«lakes-hub]}",
    "programme-announced": "programme: {is: lakes-courses, from: «2023}",
    "programme-itself": "programme: {is: lakes-courses, run_by: lakes-hub, with: [lakeland, «lakes-hub]}",
    "programme-order": "programme: {is: lakes-courses, from: 2020, until: «2019}",
    "publication-announced": "publication: {is: lakes-review, published: «2023}",
    "seat-announced": "seat: {of: lakes-hub, as: branch, place: ferrytown, from: «2023}",
    "seat-itself": "seat: {of: lakes-hub, as: branch, host: «lakes-hub}",
    "seat-order": "seat: {of: lakes-hub, as: branch, place: ferrytown, from: 2020, until: «2019}",
    "signature-announced": "signature: {of: lakeland, to: lakes-founding-agreement, act: signature, on: «2023}",
    "signature-order": "signature: {of: lakeland, to: lakes-founding-agreement, act: signature, on: 2020, "
    "in_force_from: «2019}",
    "suspension-announced": "suspension: {of: lakes-hub, in: lakes-academies, from: «2023}",
    "suspension-itself": "suspension: {of: [ivo-brandt, «lakes-hub], in: lakes-hub}",
    "suspension-order": "suspension: {of: lakes-hub, in: lakes-academies, from: 2020, until: «2019}",
    "tenure-announced": "tenure: {of: ivo-brandt, as: rector, in: lakes-hub, from: «2023}",
    "tenure-order": "tenure: {of: ivo-brandt, as: rector, in: lakes-hub, from: 2020, until: «2019}",
    "tie-announced": "tie: {from: lakes-hub, to: lakeland, type: cooperates, from_date: «2023}",
    "tie-itself": "tie: {from: «lakes-hub, to: lakes-hub, type: serves}",
    "tie-order": "tie: {from: lakes-hub, to: lakeland, type: cooperates, from_date: 2020, until: «2019}",
}
"""Shape -> a claim that reads and compiles, and fails it."""

FAILED_BY_SOURCE = {
    "article-publisher": ("publisher: lakes-hub", "publisher: «lakes-forum-2019"),
    "article-agency": ("publisher: lakes-hub", "publisher: lakes-hub\n  agency: «ferrytown"),
    "article-textLength": ("publisher:", f"text: {{sha256: {'0' * 64}, characters: «0}}\n  publisher:"),
}
"""Shape -> the change to the source that fails it."""

FAILED_BY_FILE = {
    "entity-english": ("institution/x-english", "names: {ru: «Хаб}\n"),
    "place-itself": ("place/x-itself", "names: {en: X}\nwithin: «x-itself\n"),
}
"""Shape -> an entity file that reads and compiles, and fails it."""

REFUSED = {
    "accession-body": ("wrong-kind", "accession: {of: lakes-hub, to: «lakeland}"),
    "accession-candidate": ("wrong-kind", "accession: {of: «ferrytown, to: lakes-academies}"),
    "agreement-agreementType": ("unknown-concept", "agreement: {is: lakes-founding-agreement, type: «pact}"),
    "agreement-amends": ("wrong-kind", "agreement: {is: lakes-founding-agreement, amends: «lakes-hub}"),
    "agreement-establishes": ("wrong-kind", "agreement: {is: lakes-founding-agreement, establishes: «lakeland}"),
    "agreement-implements": ("wrong-kind", "agreement: {is: lakes-founding-agreement, implements: [«lakes-hub]}"),
    "agreement-occurredAt": ("wrong-kind", "agreement: {is: lakes-founding-agreement, at: «ferrytown}"),
    "agreement-party": ("wrong-kind", "agreement: {is: lakes-founding-agreement, parties: [lakeland, «ferrytown]}"),
    "change-event-body": ("wrong-kind", "change: {of: «lakes-forum-2019, type: renaming}"),
    "change-event-changeType": ("unknown-concept", "change: {of: lakes-hub, type: «coup}"),
    "change-event-initiatedBy": ("wrong-kind", "change: {of: lakes-hub, type: founding, initiated_by: «ferrytown}"),
    "change-event-occurredAt": ("wrong-kind", "change: {of: lakes-hub, type: founding, at: «ferrytown}"),
    "change-event-original": ("no-succession", "change: {of: lakes-hub, type: founding, original: «lakes-academies}"),
    "change-event-place": ("wrong-kind", "change: {of: lakes-hub, type: founding, place: «lakes-hub}"),
    "change-event-resulting": ("no-succession", "change: {of: lakes-hub, type: renaming, resulting: «stonefell}"),
    "claim-infers": ("no-reason", "status: {of: lakes-hub, is: association}\n    says: Is.\n    «inferred: [of]"),
    "claim-rank": (
        "value",
        "status: {of: lakes-hub, is: association}\n    says: Is.\n    rank: «best\n    because: So.",
    ),
    "claim-ranked": ("no-reason", "status: {of: lakes-hub, is: association}\n    says: Is.\n    «rank: preferred"),
    "count-observation-comparator": ("number", "count: {of: lakes-hub, what: partners, number: «{over: 5}}"),
    "count-observation-measure": ("unknown-concept", "count: {of: lakes-hub, what: «hopes, number: 5}"),
    "decision-madeBy": ("wrong-kind", "decision: {ref: a, by: «ferrytown}"),
    "decision-occurredAt": ("wrong-kind", "decision: {ref: a, at: «lakes-hub}"),
    "decision-setOutIn": ("wrong-kind", "decision: {ref: a, in: «lakes-hub}"),
    "entity-website": ("value", "attribute: {of: lakes-hub, website: «www.lakes-hub.example}"),
    "entity-language": ("value", "attribute: {of: lakes-hub, language: «English}"),
    "founding-body": ("wrong-kind", "change: {of: «lakes-forum-2019, type: founding}"),
    "denial-deniedStanding": (
        "unknown-concept",
        "membership: {of: lakes-hub, in: lakes-academies, standing: «friend, not: true}",
    ),
    "meeting-attendanceMode": ("unknown-concept", "meeting: {is: lakes-forum-2019, attendance: «asleep}"),
    "meeting-edition": ("ordinal", "meeting: {is: lakes-forum-2019, edition: «0}"),
    "meeting-inSeries": ("wrong-kind", "meeting: {is: lakes-forum-2019, series: «lakes-hub}"),
    "meeting-host": ("wrong-kind", "meeting: {is: lakes-forum-2019, host: «ferrytown}"),
    "meeting-meetingType": ("unknown-concept", "meeting: {is: lakes-forum-2019, type: «feast}"),
    "meeting-partOf": ("wrong-kind", "meeting: {is: lakes-forum-2019, part_of: «lakes-hub}"),
    "meeting-venue": ("wrong-kind", "meeting: {is: lakes-forum-2019, place: «lakes-hub}"),
    "membership-body": ("wrong-kind", "membership: {of: lakes-hub, in: «lakeland}"),
    "membership-feature": (
        "unknown-concept",
        "membership: {of: lakes-hub, in: lakes-academies, features: [founding, «odd]}",
    ),
    "membership-replaces": (
        "wrong-kind",
        "membership: {of: lakes-hub, in: lakes-academies, replaces: {of: «ferrytown}}",
    ),
    "membership-endReason": ("unknown-concept", "membership: {of: lakes-hub, in: lakes-academies, end_reason: «anger}"),
    "membership-member": ("wrong-kind", "membership: {of: [lakes-hub, «ferrytown], in: lakes-academies}"),
    "membership-standing": ("unknown-concept", "membership: {of: lakes-hub, in: lakes-academies, standing: «friend}"),
    "naming-nameIn": ("wrong-kind", "name: {of: lakes-hub, in: «ferrytown, text: {en: Hub}}"),
    "naming-nameKind": ("unknown-concept", "name: {of: lakes-hub, text: {en: Hub}, kind: «nickname}"),
    "naming-nameText": ("value", "name: {of: lakes-hub, text: {en: «' '}}"),
    "participation-capacity": ("unknown-concept", "participation: {of: lakes-hub, in: lakes-forum-2019, as: «guru}"),
    "participation-meeting": ("wrong-kind", "participation: {of: ivo-brandt, in: «lakes-academies}"),
    "participation-onBehalfOf": (
        "wrong-kind",
        "participation: {of: ivo-brandt, in: lakes-forum-2019, for: «ferrytown}",
    ),
    "participation-participant": ("wrong-kind", "participation: {of: {is: «ferrytown, as: F}, in: lakes-forum-2019}"),
    "participation-presence": (
        "unknown-concept",
        "participation: {of: lakes-hub, in: lakes-forum-2019, presence: «no}",
    ),
    "position-end": ("offset", "status: {of: lakes-hub, is: association}\n    says: Is.\n    at: [[0, «x]]"),
    "position-hash": ("no-text", "status: {of: lakes-hub, is: association}\n    says: Is.\n    at: [«[0, 5]]"),
    "position-start": ("offset", "status: {of: lakes-hub, is: association}\n    says: Is.\n    at: [[«-1, 5]]"),
    "programme-cooperator": ("wrong-kind", "programme: {is: lakes-courses, with: «ferrytown}"),
    "programme-programmeType": ("unknown-concept", "programme: {is: lakes-courses, type: «wish}"),
    "programme-runBy": ("wrong-kind", "programme: {is: lakes-courses, run_by: «ferrytown}"),
    "publication-issn": ("issn", "publication: {is: lakes-review, issn: «1234-5678}"),
    "publication-issue": ("value", "publication: {is: lakes-review, issue: «' '}"),
    "publication-publicationType": ("unknown-concept", "publication: {is: lakes-review, type: «scroll}"),
    "publication-publishedBy": ("wrong-kind", "publication: {is: lakes-review, publisher: «ferrytown}"),
    "proposal-madeBy": ("wrong-kind", "proposal: {ref: a, by: «ferrytown}"),
    "proposal-occurredAt": ("wrong-kind", "proposal: {ref: a, at: «lakes-hub}"),
    "proposal-onBehalfOf": ("wrong-kind", "proposal: {ref: a, for: «ferrytown}"),
    "proposal-setOutIn": ("wrong-kind", "proposal: {ref: a, in: «lakes-hub}"),
    "seat-body": ("wrong-kind", "seat: {of: «lakeland, as: branch, place: ferrytown}"),
    "seat-host": ("wrong-kind", "seat: {of: lakes-hub, as: branch, host: «ferrytown}"),
    "seat-place": ("wrong-kind", "seat: {of: lakes-hub, as: branch, place: «lakes-academies}"),
    "seat-seatKind": ("unknown-concept", "seat: {of: lakes-hub, as: «tent, place: ferrytown}"),
    "seat-where": ("no-place", "seat: «{of: lakes-hub, as: branch}"),
    "signature-act": ("unknown-concept", "signature: {of: lakeland, to: lakes-founding-agreement, act: «nod}"),
    "signature-agreement": ("wrong-kind", "signature: {of: lakeland, to: «lakes-hub, act: signature}"),
    "signature-signatory": (
        "wrong-kind",
        "signature: {of: [lakeland, «ferrytown], to: lakes-founding-agreement, act: signature}",
    ),
    "signature-signedBy": (
        "wrong-kind",
        "signature: {of: lakeland, to: lakes-founding-agreement, act: signature, signed_by: «lakes-hub}",
    ),
    "statement-addressee": ("wrong-kind", "statement: {ref: a, act: announcement, to: «ferrytown}"),
    "statement-madeBy": ("wrong-kind", "statement: {ref: a, act: announcement, by: «ferrytown}"),
    "statement-occurredAt": ("wrong-kind", "statement: {ref: a, act: announcement, at: «lakes-hub}"),
    "statement-onBehalfOf": ("wrong-kind", "statement: {ref: a, act: announcement, for: «ferrytown}"),
    "statement-setOutIn": ("wrong-kind", "statement: {ref: a, act: announcement, in: «lakes-hub}"),
    "statement-speechAct": ("unknown-concept", "statement: {ref: a, act: «shout}"),
    "status-observation-status": ("unknown-concept", "status: {of: lakes-hub, is: «happy}"),
    "succession-parties": ("succession", "change: «{type: merger}"),
    "succession-original": ("wrong-kind", "change: {type: merger, original: [«ferrytown]}"),
    "succession-resulting": ("wrong-kind", "change: {type: split, resulting: [«ferrytown]}"),
    "suspension-body": ("wrong-kind", "suspension: {of: lakes-hub, in: «lakeland}"),
    "suspension-suspendedMember": ("wrong-kind", "suspension: {of: «ferrytown, in: lakes-academies}"),
    "tenure-accreditedTo": ("wrong-kind", "tenure: {of: ivo-brandt, as: ambassador, in: lakeland, to: «ferrytown}"),
    "tenure-body": ("wrong-kind", "tenure: {of: ivo-brandt, as: rector, in: «lakes-forum-2019}"),
    "tenure-endReason": ("unknown-concept", "tenure: {of: ivo-brandt, as: rector, in: lakes-hub, end_reason: «anger}"),
    "tenure-manner": ("unknown-concept", "tenure: {of: ivo-brandt, as: rector, in: lakes-hub, manner: «loud}"),
    "tenure-holder": ("wrong-kind", "tenure: {of: «ferrytown, as: rector, in: lakes-hub}"),
    "tenure-office": ("unknown-concept", "tenure: {of: ivo-brandt, as: «boss, in: lakes-hub}"),
    "tenure-representedBy": (
        "wrong-kind",
        "tenure: {of: lakeland, as: chair, in: lakes-academies, represented_by: «lakes-hub}",
    ),
    "tie-tiedFrom": ("wrong-kind", "tie: {from: «ferrytown, to: lakes-hub, type: cooperates}"),
    "tie-tieType": ("unknown-concept", "tie: {from: lakeland, to: lakes-hub, type: «love}"),
    "tie-tiedTo": ("wrong-kind", "tie: {from: lakes-hub, to: [lakeland, «ferrytown], type: cooperates}"),
    "unidentified-party-actor": ("unknown-class", "membership: {of: {unidentified: «meeting}, in: lakes-hub}"),
    "unidentified-party-affiliation": (
        "wrong-kind",
        "membership: {of: {unidentified: person, of: «ferrytown}, in: lakes-hub}",
    ),
    "unidentified-party-ofState": (
        "wrong-kind",
        "membership: {of: {unidentified: person, each: [lakeland, «ferrytown]}, in: lakes-hub}",
    ),
}
"""Shape -> the code under which the reader refuses, at its place, a claim that would fail it."""

REFUSED_BY_SOURCE = {
    "article-language": ("value", "language: en", "language: «English"),
    "article-url": ("value", "url: https", "url: «ftp"),
    "article-textHash": ("wrong-hash", "publisher:", "text: {sha256: «abc, characters: 5}\n  publisher:"),
    "article-published": ("date", "published: 2022-01-15", "published: «2022-02-30"),
}
REFUSED_BY_FILE = {
    "entity-altLabel": ("value", "person/y-label", "names: {en: Y}\nspellings: {«English: [Y]}\n"),
    "entity-label": ("value", "person/y-empty", "names: {en: «' '}\n"),
    "entity-ofState": ("wrong-kind", "institution/y-state", "names: {en: Y}\nstate: «lakes-hub\n"),
    "entity-possiblySameAs": ("no-reason", "meeting/y-same", "names: {en: Y}\n«possibly_same_as: [lakes-forum-2019]\n"),
    "entity-seeAlso": ("value", "person/y-see", "names: {en: Y}\nsee: [«nowhere]\n"),
    "institution-type": ("entity-type", "institution/y-type", "type: «Meeting\nnames: {en: Y}\n"),
    "network-type": ("entity-type", "network/y-net", "type: [Network, «Agreement]\nnames: {en: Y}\n"),
    "person-affiliation": ("wrong-kind", "person/y-affiliation", "names: {en: Y}\naffiliation: «lakes-forum-2019\n"),
    "person-type": ("entity-type", "person/y-person", "type: «Polity\nnames: {en: Y}\n"),
    "place-within": ("wrong-kind", "place/y-within", "names: {en: Y}\nwithin: «lakes-hub\n"),
    "polity-type": ("entity-type", "polity/y-polity", "type: «Institution\nnames: {en: Y}\n"),
}

NEVER = {
    "the file name, which the reader checks, is the identifier": "article-identifier entity-identifier",
    "the compiler makes each situation with its key, of the class that fits": "change-event-changed founding-founded "
    "founding-type succession-type membership-organization naming-nameOf tenure-institution "
    "status-observation-observed legal-form-observation-observed polity-status-observation-observed "
    "legal-form-observation-legalForm polity-status-observation-polityStatus tenure-broadOffice "
    "denial-denies unidentified-party-expectedType "
    "accession-candidateTo count-observation-observed seat-seatOf suspension-suspendedFrom",
    "the compiler makes each claim node whole": "claim-claims claim-english claim-inArticle claim-namedAs claim-target "
    "target-selector target-source",
    "the compiler makes each identifier with its scheme and code (test_identifiers)": "entity-identifiedBy "
    "identifier-identifierScheme identifier-notation",
    "the reader takes positions in order and within the text alone (test_records)": "position-length position-order",
    "the reader refuses a withdrawal that lacks a part or says more (test_withdrawal)": "withdrawn-alone withdrawn-day "
    "withdrawn-reason",
    "the compiler labels every article, with its id if need be": "article-label",
    "kgbuild.core.dates makes the nodes of dates (test_dates)": "date-approximate date-bounds date-certain "
    "date-earliest date-edtf date-latest date-precision date-uncertain date-year",
    "a registered entity or a ref is named, so it is an IRI": "decision-concerning decision-ledTo meeting-concerning "
    "programme-concerning proposal-concerning publication-concerning statement-concerning",
    "the compiler writes a text of the record, so it is one": "entity-outside-identifier",
}
"""Why no record can break a shape -> these shapes.  Shapes that ask for a described date, or for our own words to be
English, are found by their constraint: the compiler describes every date it uses, and marks our texts."""


def reporting() -> set[str]:
    """Name the property shapes of all shapes with a target."""
    graph = load_shapes(ROOT / "ontology" / "shapes").graph
    named = (shape for target in graph.subjects(SH.targetClass) for shape in graph.objects(target, SH.property))
    return {str(shape).removeprefix(PREFIXES["shape"]) for shape in named}


def made_by_the_compiler() -> set[str]:
    """Name the shapes that ask for a described date or an English text of ours."""
    graph = load_shapes(ROOT / "ontology" / "shapes").graph
    dates = set(graph.subjects(SH["class"], rdflib.URIRef(ONTOLOGY + "Date")))
    texts = set(graph.subjects(SH.languageIn))
    return {str(shape).removeprefix(PREFIXES["shape"]) for shape in dates | texts}


SOURCE = """\
source:
  title: A page
  language: en
  published: 2022-01-15
  publisher: lakes-hub
  url: https://lakes-hub.example/NAME
"""


def article_of(claim: str, source: str = SOURCE) -> str:
    """Write an article of a claim; `says` is added where it is none of the claim's own."""
    says = "" if "says:" in claim.rpartition("  - ")[2] else "    says: So it is.\n"
    return f"{source}claims:\n  - {claim}\n{says}"


class Marked(NamedTuple):
    """Files with marks, and where the marks stand."""

    texts: dict[str, str]
    places: dict[str, Place]


def take_marks(marked: dict[str, tuple[str, str]]) -> Marked:
    """Take the mark out of each text; `marked` is shape -> (file, text)."""
    texts, places = {}, {}
    for shape, (file, text) in marked.items():
        before, mark, after = text.partition("«")
        assert mark, f"{shape} has no mark"
        name = Path(file).name
        texts[file] = (before + after).replace("NAME", name) + ("" if text.endswith("\n") else "\n")
        column = len(before.replace("NAME", name)) - (before.replace("NAME", name).rfind("\n") + 1) + 1
        places[shape] = Place(f"data/{file}.yaml", before.count("\n") + 1, column)
    return Marked(texts, places)


def articles_of(
    claims: dict[str, str], by_source: dict[str, tuple[str, str]], files: dict[str, tuple[str, str]]
) -> Marked:
    """Write each case as a file of its own."""
    marked = {shape: (f"articles/2022/x-{shape.lower()}", article_of(claim)) for shape, claim in claims.items()}
    for shape, (old, new) in by_source.items():
        claim = article_of("status: {of: lakes-hub, is: association}", SOURCE.replace(old, new))
        marked[shape] = (f"articles/2022/x-{shape.lower()}", claim)
    marked |= {shape: (f"entities/{file}", text) for shape, (file, text) in files.items()}
    return take_marks(marked)


ALSO = {
    "entities/programme/lakes-courses": "names: {en: Lakes Courses}\n",
    "entities/publication/lakes-review": "names: {en: Lakes Review}\n",
}
"""Entities of kinds that the fixture has none of."""


def write_records(project: Path, texts: dict[str, str]) -> None:
    for file, text in (ALSO | texts).items():
        path = project / "data" / f"{file}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@cache
def failing() -> Marked:
    return articles_of(FAILED, FAILED_BY_SOURCE, FAILED_BY_FILE)


@cache
def refused() -> Marked:
    claims = {shape: claim for shape, (_, claim) in REFUSED.items()}
    by_source = {shape: (old, new) for shape, (_, old, new) in REFUSED_BY_SOURCE.items()}
    files = {shape: (file, text) for shape, (_, file, text) in REFUSED_BY_FILE.items()}
    return articles_of(claims, by_source, files)


CODES = {shape: case[0] for cases in (REFUSED, REFUSED_BY_SOURCE, REFUSED_BY_FILE) for shape, case in cases.items()}


@pytest.fixture(scope="module")
def shape_issues(tmp_path_factory: pytest.TempPathFactory) -> list[Issue]:
    """Check the records that fail shapes, all in one go; HermiT has no part in this."""
    project = copy_project(tmp_path_factory.mktemp("failing"))
    shutil.rmtree(project / "data/articles")
    write_records(project, failing().texts)
    compiled = compile_records(sources(project), Silent())
    return list(check_articles(compiled, sources(project), Silent()))


@pytest.fixture(scope="module")
def reader_issues(tmp_path_factory: pytest.TempPathFactory) -> list[Issue]:
    """Read the records that are refused, all in one go."""
    project = copy_project(tmp_path_factory.mktemp("refused"))
    write_records(project, refused().texts)
    with pytest.raises(DataError) as caught:
        compile_records(sources(project), Silent())
    return caught.value.issues


@pytest.mark.parametrize("shape", failing().places)
def test_shape_fails_at_the_field(shape_issues: list[Issue], shape: str) -> None:
    """A record that reads and compiles but fails a shape is told once: that shape, at the offending field."""
    place = failing().places[shape]
    told = [(issue.place, issue.code) for issue in shape_issues if issue.place.path == place.path]
    assert [(place, shape)] == told


@pytest.mark.parametrize("shape", refused().places)
def test_reader_refuses_at_the_field(reader_issues: list[Issue], shape: str) -> None:
    """A record that would fail a shape is refused before it is compiled: once, at the offending field."""
    place = refused().places[shape]
    told = [(issue.place, issue.code) for issue in reader_issues if issue.place.path == place.path]
    assert [(place, CODES[shape])] == told


def test_every_shape_is_failed_or_cannot_be() -> None:
    """No shape is left out: each has a record that fails it or is refused, or a reason why there can be none."""
    by_records = [*failing().places, *refused().places]
    never = [shape for shapes in NEVER.values() for shape in shapes.split()]
    named = [*by_records, *never]
    assert len(set(named)) == len(named), "a shape is in two lists"
    assert reporting() == set(named) | made_by_the_compiler()
    assert set() == set(never) & made_by_the_compiler()

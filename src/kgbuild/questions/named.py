"""Named questions: SPARQL files with a header, whose parameters are bound as terms and never pasted as text.

A question file is a whole query that runs as it stands: the lines that end in `# parameters` hold the values it is
asked with by default, `VALUES ($network $year) { (network:x 2023) }  # parameters`.  Binding replaces the values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from kgbuild.core.errors import DataError, Issue, Place, UsageError, error
from kgbuild.core.files import find_files, read_text
from kgbuild.core.terms import Engine, Table, Term, select
from kgbuild.questions.headers import read_header
from kgbuild.questions.lookup import names_of, write_term
from kgbuild.questions.values import TYPES, Parameter, ParameterError, default_term, read_value, shown_part
from kgbuild.sparql.lookups import LookUp, run
from kgbuild.sparql.refusals import refuse_query

THEMES: Final = {
    "membership": {"en": "Members and memberships", "ru": "Участники и членство"},
    "networks": {"en": "Networks over time", "ru": "Сети во времени"},
    "meetings": {"en": "Meetings", "ru": "Встречи"},
    "agreements": {"en": "Agreements and proposals", "ru": "Соглашения и предложения"},
    "people": {"en": "People and offices", "ru": "Люди и должности"},
    "sources": {"en": "Sources and disagreements", "ru": "Источники и разногласия"},
    "names": {"en": "Names and identifiers", "ru": "Названия и идентификаторы"},
}
"""What questions are about, in the order in which they are listed -> its title by language."""

_PARAMETERS: Final = re.compile(
    r"(?P<indent>[ \t]*)VALUES[ \t]*\((?P<names>[^()]*)\)[ \t]*\{[ \t]*\((?P<values>.*)\)[ \t]*\}[ \t]*"
    r"#[ \t]*parameters[ \t]*"
)
_VALUE: Final = re.compile(
    r'(?<!\S)(?:UNDEF|<[^<>"{}|^`\\\s]*>|"[^"\\\n]*"(?:@[\w-]+|\^\^[\w-]+:[\w-]+)?|true|false|-?\d+|[\w-]+:[\w-]+)(?!\S)',
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question file: texts are by language, columns and parameters in the order of the file.

    `lists` names the columns whose texts are lists, with what separates the items; `theme` is one of `THEMES`.
    """

    name: str
    path: str
    title: Mapping[str, str]
    question: str
    parameters: Mapping[str, Parameter]
    columns: Mapping[str, str]
    lists: Mapping[str, str]
    empty: str
    theme: str
    since: str
    text: str


def load_questions(directory: Path) -> dict[str, Question]:
    """Read all question files of a directory, by name, sorted.  Raises DataError with every finding."""
    if not directory.is_dir():
        raise UsageError(
            f"{directory}: there is no such directory. Give the one that holds the questions (*.rq) with --questions."
        )
    questions: dict[str, Question] = {}
    issues: list[Issue] = []
    for path in find_files(directory, "*.rq"):
        name = path.as_posix()
        try:
            questions[path.stem] = parse_question(path.stem, read_text(path, name), name)
        except DataError as fault:
            issues += fault.issues
    if issues:
        raise DataError(issues)
    return questions


def parse_question(name: str, text: str, path: str = "<question>") -> Question:
    """Read a question from the text of its file.  Raises DataError where its header or parameters are wrong."""
    header = read_header(text, path)
    issues = _header_issues(header, path)
    if refusal := refuse_query(text):
        place = Place(path, refusal.line, refusal.column)
        issues.append(error(place, "question", refusal.finding, refusal.remedy))
    defaults = _defaults(text, path, issues)
    declared = header.get("parameters") or {}
    if not issues:
        issues += _parameter_issues(declared, defaults, path)
    if issues:
        raise DataError(issues)
    parameters = {
        key: Parameter(key, fields["type"], fields["about"], fields.get("optional") == "true", defaults[key])
        for key, fields in declared.items()
    }
    texts = {key: header[key] for key in ("title", "question", "columns", "empty", "theme", "since")}
    return Question(name=name, path=path, parameters=parameters, lists=header.get("lists") or {}, text=text, **texts)


def find_question(questions: Mapping[str, Question], name: str) -> Question:
    """Find a question by name; for a wrong name a UsageError says which come near."""
    if name in questions:
        return questions[name]
    raise UsageError(f"There is no question '{name}'.{_near(name, questions)} 'kgbuild questions' lists all.")


def bind(question: Question, values: Mapping[str, Term | None]) -> str:
    """Write the query with these values in place of the defaults; None binds nothing, what is left out stays.

    Values are written as terms of SPARQL, so that no text can change the query around it.
    """
    for name in values:
        _known_parameter(question, name)
    return "\n".join(_bind_line(line, values) for line in question.text.split("\n"))


def read_values(question: Question, texts: Mapping[str, str]) -> LookUp[dict[str, Term | None]]:
    """Read parameters as people write them; an empty text leaves an optional one out.

    Entities and concepts are looked up: for an unknown one, a ParameterError names the nearest.
    """
    values: dict[str, Term | None] = {}
    for name, text in texts.items():
        values[name] = yield from read_value(_known_parameter(question, name), text)
    return values


def ask(engine: Engine, question: Question, texts: Mapping[str, str]) -> Table:
    """Ask a question with parameters as people write them; what is left out keeps its default.

    The answer is the same on every engine: rows are in the order of the query, lists are sorted.
    """
    values = run(engine, read_values(question, texts))
    return sort_lists(question, select(engine, bind(question, values), question.path))


def sort_lists(question: Question, table: Table) -> Table:
    """Sort the items in the columns that are lists: SPARQL leaves the order of GROUP_CONCAT open (§18.5.1.7)."""
    separators = [question.lists.get(column) for column in table.columns]
    rows = [tuple(map(_sort_list, row, separators)) for row in table.rows]
    return Table(table.columns, tuple(rows))


def _sort_list(term: Term | None, separator: str | None) -> Term | None:
    if term is None or separator is None:
        return term
    return replace(term, value=separator.join(sorted(filter(None, term.value.split(separator)))))


def empty_sentence(question: Question, texts: Mapping[str, str]) -> LookUp[str]:
    """Say in words that a question has no answer, with the names of what was asked about."""
    values = yield from read_values(question, texts)
    return (yield from say_empty(question, {**default_terms(question), **values}))


def say_empty(question: Question, values: Mapping[str, Term | None]) -> LookUp[str]:
    """Say the same of values that are read; what is nowhere in the graph, as a default may be, has its short name."""
    names = yield from names_of([term.value for term in values.values() if term is not None and term.kind == "iri"])
    shown = {name: names.get(term.value, term.value) if term else "any" for name, term in values.items()}
    return re.sub(r"\{(\w+)\}", lambda match: shown.get(match[1], match[0]), question.empty)


def _header_issues(header: Mapping[str, Any], path: str) -> list[Issue]:
    wanted: dict[str, type] = {"title": dict, "question": str, "columns": dict, "empty": str}
    wanted |= {"theme": str, "since": str}
    remedy = "Write title: {en: …, ru: …}, question, parameters, columns, empty, theme and since in the header."
    missing = [key for key, kind in wanted.items() if not isinstance(header.get(key), kind) or not header[key]]
    unknown = [key for key in header if key not in wanted and key not in ("lists", "parameters")]
    issues = [_issue(path, 1, f"The header has no '{key}' as it should be", remedy) for key in missing]
    issues += [_issue(path, 1, f"The header has an unknown key '{key}'", remedy) for key in unknown]
    if "title" not in missing and set(header["title"]) != {"en", "ru"}:
        issues.append(_issue(path, 1, "The title is not in English and Russian", remedy))
    if "theme" not in missing and header["theme"] not in THEMES:
        issues.append(_issue(path, 1, f"There is no theme '{header['theme']}'", f"Choose one of {', '.join(THEMES)}."))
    parameters = header.get("parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(each, dict) for each in parameters.values()):
        issues.append(_issue(path, 1, "The parameters are no mapping", "Write name: {type: …, about: …}."))
    lists, columns = header.get("lists") or {}, header.get("columns")
    if not isinstance(lists, dict) or not all(isinstance(each, str) and each for each in lists.values()):
        issues.append(_issue(path, 1, "The lists are no mapping of texts", 'Write column: " " or column: "; ".'))
    elif isinstance(columns, dict) and set(lists) - set(columns):
        unlisted = ", ".join(sorted(set(lists) - set(columns)))
        issues.append(_issue(path, 1, f"There is no column '{unlisted}' to be a list", "Describe it under columns."))
    return issues


def _defaults(text: str, path: str, issues: list[Issue]) -> dict[str, str]:
    """Read name -> default from the `# parameters` lines; findings are added to `issues`."""
    found: dict[str, str] = {}
    remedy = "Write VALUES ($a $b) { (value value) }  # parameters on one line, with one row."
    for number, line in enumerate(text.split("\n"), 1):
        if not re.search(r"#[ \t]*parameters[ \t]*$", line):
            continue
        match = _PARAMETERS.fullmatch(line)
        names = match["names"].split() if match else []
        values = _split_values(match["values"]) if match else None
        if not names or values is None or len(names) != len(values) or any(n[0] not in "$?" for n in names):
            issues.append(_issue(path, number, "This line of parameters cannot be read", remedy))
            continue
        for name, value in zip(names, values, strict=True):
            if found.setdefault(name[1:], value) != value:
                finding = f"Parameter '{name[1:]}' has two defaults"
                issues.append(_issue(path, number, finding, "Write the same value in each line."))
    return found


def _split_values(row: str) -> list[str] | None:
    return None if _VALUE.sub("", row).strip() else _VALUE.findall(row)


def _parameter_issues(declared: Mapping[str, Any], defaults: Mapping[str, str], path: str) -> list[Issue]:
    issues = []
    for name in sorted(set(declared) ^ set(defaults)):
        where = "the header" if name in declared else "a line of parameters"
        finding = f"Parameter '{name}' stands only in {where}"
        issues.append(_issue(path, 1, finding, "Declare it in the header and give its default in a VALUES line."))
    for name, fields in declared.items():
        if fields.get("type") not in TYPES:
            remedy = f"Choose one of {', '.join(TYPES)}."
            issues.append(_issue(path, 1, f"Parameter '{name}' has no known type", remedy))
        if not fields.get("about") or set(fields) - {"type", "about", "optional"}:
            finding = f"Parameter '{name}' is not described as it should be"
            issues.append(_issue(path, 1, finding, "Write {type: …, about: …} and, if so, optional: true."))
        if (fields.get("optional") == "true") != (defaults.get(name) == "UNDEF"):
            remedy = "An optional parameter has the default UNDEF, any other has a value."
            issues.append(_issue(path, 1, f"The default of '{name}' does not fit", remedy))
    return issues


def _issue(path: str, line: int, finding: str, remedy: str) -> Issue:
    return error(Place(path, line, 1), "question-file", finding, remedy)


def _bind_line(line: str, values: Mapping[str, Term | None]) -> str:
    match = _PARAMETERS.fullmatch(line)
    if match is None:
        return line
    names = match["names"].split()
    written = zip(names, _split_values(match["values"]) or [], strict=True)
    bound = {name: "UNDEF" if term is None else write_term(term) for name, term in values.items()}
    row = " ".join(bound.get(name[1:], default) for name, default in written)
    return f"{match['indent']}VALUES ({' '.join(names)}) {{ ({row}) }}  # parameters"


def default_terms(question: Question) -> dict[str, Term | None]:
    """Give the values that a question is asked with where none are given, for showing."""
    return {name: default_term(parameter.default) for name, parameter in question.parameters.items()}


def _known_parameter(question: Question, name: str) -> Parameter:
    if name in question.parameters:
        return question.parameters[name]
    known = ", ".join(question.parameters) or "none"
    remedy = f"{_near(name, question.parameters)} It has: {known}."
    finding = f"Question '{question.name}' has no parameter '{name}'.{remedy}"
    raise ParameterError(finding, name, f"There is no such parameter.{remedy}")


def near_names(word: str, known: Mapping[str, object]) -> list[str]:
    """List up to three of the names that are known and come near a wrong one."""
    return difflib.get_close_matches(shown_part(word), sorted(known), n=3, cutoff=0.5)


def _near(word: str, known: Mapping[str, object]) -> str:
    found = near_names(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""

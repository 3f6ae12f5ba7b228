"""Named questions: SPARQL files with a header, whose parameters are bound as terms and never pasted as text.

A question file is a whole query that runs as it stands: the lines that end in `# parameters` hold the values it is
asked with by default, `VALUES ($network $year) { (network:x 2023) }  # parameters`.  Binding replaces the values.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from kgbuild.engines import Engine, Table, Term, iri, literal, select
from kgbuild.engines.lookup import (
    Candidate,
    claimed_candidates,
    classes_of,
    concept_candidates,
    did_you_mean,
    entity_candidates,
    exists,
    expand_name,
    find_by_id,
    find_by_name,
    fold,
    names_of,
    nearest,
    successor,
    write_term,
)
from kgbuild.errors import DataError, Issue, Place, UsageError, error
from kgbuild.headers import read_header
from kgbuild.namespaces import EXTERNAL, ID, PREFIXES, shorten

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
    "state": "State",
}
# Type of a parameter -> the prefix of the vocabulary its values are in.
CONCEPT_TYPES: Final = {"measure": "measure", "office": "office", "role": "role", "status": "status-concept"}
PLAIN_TYPES: Final = ("boolean", "date", "fact", "text", "year")
TYPES: Final = (*ENTITY_TYPES, *CONCEPT_TYPES, *PLAIN_TYPES)
LONGEST_SHOWN: Final = 200
"""Characters of a value that a message repeats."""

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
    r'UNDEF|<[^<>"{}|^`\\\s]*>|"[^"\\\n]*"(?:@[\w-]+|\^\^[\w-]+:[\w-]+)?|true|false|-?\d+|[\w-]+:[\w-]+', re.ASCII
)
_ARTICLE: Final = {"a": "an", "e": "an", "i": "an", "o": "an"}


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
        raise UsageError(f"{directory}: there is no such directory. Give the one that holds the questions (*.rq).")
    questions: dict[str, Question] = {}
    issues: list[Issue] = []
    for path in sorted(directory.glob("*.rq")):
        try:
            questions[path.stem] = parse_question(path.stem, path.read_text("utf-8"), str(path))
        except DataError as fault:
            issues += fault.issues
        except UnicodeDecodeError:
            issues.append(_issue(str(path), 1, "The file is not UTF-8", "Save it as UTF-8."))
    if issues:
        raise DataError(issues)
    return questions


def parse_question(name: str, text: str, path: str = "<question>") -> Question:
    """Read a question from the text of its file.  Raises DataError where its header or parameters are wrong."""
    header = read_header(text, path)
    issues = _header_issues(header, path)
    defaults = _defaults(text, path, issues)
    declared = header.get("parameters") or {}
    if not issues:
        issues += _parameter_issues(declared, defaults, path)
    if issues:
        raise DataError(issues)
    parameters = {key: _parameter(key, fields, defaults[key]) for key, fields in declared.items()}
    texts = {key: header[key] for key in ("title", "question", "columns", "empty", "theme", "since")}
    return Question(name=name, path=path, parameters=parameters, lists=header.get("lists") or {}, text=text, **texts)


def find_question(questions: Mapping[str, Question], name: str) -> Question:
    """Find a question by name; for a wrong name a UsageError says which come near."""
    if name in questions:
        return questions[name]
    raise UsageError(f"There is no question '{name}'.{_near(name, questions)} 'kgbuild questions' lists all.")


def near_names(word: str, known: Mapping[str, object]) -> list[str]:
    """List up to three of the names that are known and come near a wrong one."""
    return difflib.get_close_matches(_shown(word), sorted(known), n=3, cutoff=0.5)


def bind(question: Question, values: Mapping[str, Term | None]) -> str:
    """Write the query with these values in place of the defaults; None binds nothing, what is left out stays.

    Values are written as terms of SPARQL, so that no text can change the query around it.
    """
    for name in values:
        _known_parameter(question, name)
    return "\n".join(_bind_line(line, values) for line in question.text.split("\n"))


def read_values(engine: Engine, question: Question, texts: Mapping[str, str]) -> dict[str, Term | None]:
    """Read parameters as people write them; an empty text leaves an optional one out.

    Entities and concepts are looked up on the engine: for an unknown one, a ParameterError names the nearest.
    """
    return {name: read_value(engine, question, name, text) for name, text in texts.items()}


def read_value(engine: Engine, question: Question, name: str, text: str) -> Term | None:
    """Read one parameter as people write it; raises ParameterError, with what comes near a wrong value."""
    return _read_value(engine, _known_parameter(question, name), text)


def write_value(parameter: Parameter, term: Term | None) -> str:
    """Write a value as people give it, so that reading it gives the same term: the id of an entity; "" for none."""
    if term is None or term.kind != "iri":
        return term.value if term else ""
    if parameter.type in CONCEPT_TYPES:
        return term.value.removeprefix(PREFIXES[CONCEPT_TYPES[parameter.type]])
    if parameter.type in ENTITY_TYPES and term.value.startswith(ID):
        return term.value.removeprefix(ID).partition("/")[2]
    return shorten(term.value)


def ask(engine: Engine, question: Question, texts: Mapping[str, str]) -> Table:
    """Ask a question with parameters as people write them; what is left out keeps its default.

    The answer is the same on every engine: rows are in the order of the query, lists are sorted.
    """
    return sort_lists(question, select(engine, bind(question, read_values(engine, question, texts)), question.path))


def sort_lists(question: Question, table: Table) -> Table:
    """Sort the items in the columns that are lists: SPARQL leaves the order of GROUP_CONCAT open (§18.5.1.7)."""
    separators = [question.lists.get(column) for column in table.columns]
    rows = [tuple(map(_sort_list, row, separators)) for row in table.rows]
    return Table(table.columns, tuple(rows))


def _sort_list(term: Term | None, separator: str | None) -> Term | None:
    if term is None or separator is None:
        return term
    return replace(term, value=separator.join(sorted(filter(None, term.value.split(separator)))))


def empty_sentence(engine: Engine, question: Question, texts: Mapping[str, str]) -> str:
    """Say in words that a question has no answer, with the names of what was asked about."""
    values = {**default_terms(question), **read_values(engine, question, texts)}
    names = names_of(engine, [term.value for term in values.values() if term is not None and term.kind == "iri"])
    shown = {name: names.get(term.value, term.value) if term else "any" for name, term in values.items()}
    return re.sub(r"\{(\w+)\}", lambda match: shown.get(match[1], match[0]), question.empty)


# --- reading a file -----------------------------------------------------------------------------------------------


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
    values, at = [], 0
    row = row.strip()
    while at < len(row):
        match = _VALUE.match(row, at)
        if match is None:
            return None
        values.append(match[0])
        at = match.end()
        rest = row[at:].lstrip()
        if rest and rest == row[at:]:
            return None
        at = len(row) - len(rest)
    return values


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


def _parameter(name: str, fields: Mapping[str, str], default: str) -> Parameter:
    return Parameter(name, fields["type"], fields["about"], fields.get("optional") == "true", default)


def _issue(path: str, line: int, finding: str, remedy: str) -> Issue:
    return error(Place(path, line, 1), "question-file", finding, remedy)


# --- binding ------------------------------------------------------------------------------------------------------


def _bind_line(line: str, values: Mapping[str, Term | None]) -> str:
    match = _PARAMETERS.fullmatch(line)
    if match is None:
        return line
    names = match["names"].split()
    written = zip(names, _split_values(match["values"]) or [], strict=True)
    row = " ".join(_written(values, name[1:], default) for name, default in written)
    return f"{match['indent']}VALUES ({' '.join(names)}) {{ ({row}) }}  # parameters"


def _written(values: Mapping[str, Term | None], name: str, default: str) -> str:
    if name not in values:
        return default
    term = values[name]
    return "UNDEF" if term is None else write_term(term)


def default_terms(question: Question) -> dict[str, Term | None]:
    """Give the values that a question is asked with where none are given, for showing."""
    return {name: _default_term(parameter.default) for name, parameter in question.parameters.items()}


def _default_term(written: str) -> Term | None:
    """Read a default for showing: its IRI or its text."""
    if written == "UNDEF":
        return None
    if written.startswith('"'):
        return literal(written[1:].partition('"')[0])
    expanded = expand_name(written)
    return iri(expanded) if expanded else literal(written)


# --- reading values -----------------------------------------------------------------------------------------------


def _known_parameter(question: Question, name: str) -> Parameter:
    if name in question.parameters:
        return question.parameters[name]
    known = ", ".join(question.parameters) or "none"
    remedy = f"{_near(name, question.parameters)} It has: {known}."
    finding = f"Question '{question.name}' has no parameter '{name}'.{remedy}"
    raise ParameterError(finding, name, f"There is no such parameter.{remedy}")


def _read_value(engine: Engine, parameter: Parameter, text: str) -> Term | None:
    text = text.strip() if parameter.type != "text" else text
    if not text.strip():
        if parameter.optional:
            return None
        raise _wrong(parameter, text, "is empty", "Give a value.")
    if not _is_unicode(text):
        raise _wrong(parameter, ascii(text)[1:-1], "is no valid Unicode", _ENCODING)
    if parameter.type in ENTITY_TYPES:
        return _read_entity(engine, parameter, text)
    if parameter.type in CONCEPT_TYPES:
        return _read_concept(engine, parameter, text)
    if parameter.type == "fact":
        return _read_fact(engine, parameter, text)
    return _READERS[parameter.type](parameter, text)


def _read_entity(engine: Engine, parameter: Parameter, text: str) -> Term:
    class_ = ENTITY_TYPES[parameter.type]
    named = expand_name(text)
    found = successor(engine, named) if named else find_by_id(engine, text)
    classes = classes_of(engine, found) if found else set()
    if found is None or not classes:
        return iri(_find_named(engine, parameter, text))
    if class_ and class_ not in classes:
        what = f"is {names_of(engine, [found])[found]}, not {_a(parameter.type)}"
        raise _wrong(parameter, text, what, f"Give the id of {_a(parameter.type)}.")
    return iri(found)


def _find_named(engine: Engine, parameter: Parameter, text: str) -> str:
    """Find the one entity that bears a name."""
    class_ = ENTITY_TYPES[parameter.type]
    found = find_by_name(engine, text, class_)
    if len(found) == 1:
        return found[0]
    candidates = entity_candidates(engine, class_)
    if found:
        names = names_of(engine, found)
        same = {each.iri: Candidate(each.iri, each.id, names[each.iri]) for each in candidates if each.iri in names}
        remedy = did_you_mean(list(same.values())).strip()
        raise _wrong(parameter, text, f"is the name of {len(found)} things", remedy, list(same.values()))
    near = nearest(_last_part(text), candidates, engine)
    remedy = did_you_mean(near).strip() or "The question find-by-name tells ids by a part of a name."
    raise _wrong(parameter, text, f"is neither id nor name of {_a(parameter.type)}", remedy, near)


def _read_concept(engine: Engine, parameter: Parameter, text: str) -> Term:
    base = PREFIXES[CONCEPT_TYPES[parameter.type]]
    thing = expand_name(text) if ":" in text else base + text
    candidates = concept_candidates(engine, base)
    known = {candidate.iri for candidate in candidates}
    named = {candidate.iri for candidate in candidates if fold(candidate.name) == fold(text)}
    if thing in known:
        return iri(thing)
    if len(named) == 1:
        return iri(named.pop())
    near = nearest(_last_part(text), candidates, engine)
    remedy = did_you_mean(near).strip() or f"The vocabulary is at {base.rstrip('/')}."
    raise _wrong(parameter, text, f"is neither id nor name of {_a(parameter.type)}", remedy, near)


def _last_part(text: str) -> str:
    return text.rpartition("/")[2].rpartition(":")[2]


def _read_fact(engine: Engine, parameter: Parameter, text: str) -> Term:
    found, near = _find_anything(engine, text)
    if found is None:
        raise _wrong(parameter, text, "is not in the graph", did_you_mean(near).strip() or _GIVE, near)
    return iri(found)


_GIVE: Final = "Give an id, an IRI, or a name as membership:acsh--china-central-asia-academies."
_ENCODING: Final = "Give it in the encoding of your terminal."


def find_thing(engine: Engine, text: str) -> str:
    """Find the IRI of anything in the graph by IRI, prefixed name or id.

    Raises UsageError with the nearest things that are known.
    """
    text = text.strip()
    if not _is_unicode(text):
        raise UsageError(f"'{ascii(text)[1:-1]}' is no valid Unicode. {_ENCODING}")
    found, near = _find_anything(engine, text)
    if found is None:
        raise UsageError(f"'{text}' is not in the graph. {did_you_mean(near).strip() or _GIVE}")
    return found


def _find_anything(engine: Engine, text: str) -> tuple[str | None, Sequence[Candidate]]:
    """Find a thing, else what comes near."""
    named = expand_name(text)
    found = successor(engine, named) if named else find_by_id(engine, text)
    if found is not None and exists(engine, found):
        return found, ()
    candidates = [*entity_candidates(engine), *claimed_candidates(engine)]
    # An id is compared with ids, a name with a prefix with all that claims are about.
    return None, nearest(text, candidates, engine) or nearest(text.rpartition(":")[2], candidates, engine)


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
    return literal(unicodedata.normalize("NFC", text))


_READERS: Final[dict[str, Callable[[Parameter, str], Term]]] = {
    "boolean": _read_boolean,
    "date": _read_date,
    "text": _read_text,
    "year": _read_year,
}


def _wrong(
    parameter: Parameter, text: str, finding: str, remedy: str, near: Sequence[Candidate] = ()
) -> ParameterError:
    said = f"'{_shown(text)}' {finding}. {remedy}"
    return ParameterError(f"Parameter '{parameter.name}': {said}", parameter.name, said, near)


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _a(noun: str) -> str:
    return f"{_ARTICLE.get(noun[0], 'a')} {noun}"


def _near(word: str, known: Mapping[str, object]) -> str:
    found = near_names(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""

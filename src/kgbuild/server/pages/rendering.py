"""Pages as bytes: templates that escape, interface texts through gettext, and one set of headers for all of them."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from kgbuild.core.namespaces import BASE, ID
from kgbuild.server.http.languages import INTERFACE, Reader
from kgbuild.server.http.links import link
from kgbuild.server.http.negotiation import VARY
from kgbuild.server.http.responses import Response, header_lines

LANGUAGE_NAMES: Final = {"en": "English", "ru": "Русский", "zh": "中文", "kk": "Қазақша"}
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Controls, and marks of direction that reach beyond the text that holds them."""
_MEANS_SOMETHING: Final = re.compile(f"[<>&\u2028\u2029]|{_UNREADABLE.pattern}")
_LOCALE: Final = Path(__file__).parents[1] / "locale"
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Vary": VARY,
    "Cache-Control": "no-cache",
}


def page(
    template: str, reader: Reader, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """Make a page for a reader; values are escaped by the templates."""
    translations = translations_of(reader.interface)
    texts = {"gettext": translations.gettext, "ngettext": translations.ngettext, "_": translations.gettext}
    body = environment().get_template(template).render(**values, **texts, reader=reader)
    if reader.root:
        # Only a template can write `="`: in every value the quotation mark is escaped, in text and in data blocks.
        body = body.replace('="/', f'="{reader.root}/')
    lines = header_lines({**_HEADERS, "Content-Language": reader.interface, **(headers or {})})
    return Response(status, lines, body.encode())


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Give the templates with their filters."""
    loader = PackageLoader("kgbuild.server", "templates")
    made = Environment(
        loader=loader,
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=_readable,
    )
    made.globals.update(interface_languages=INTERFACE, language_names=LANGUAGE_NAMES)
    made.filters.update(local=_local, label=_label, data_block=data_block, cut=cut, plain=plain)
    return made


def _readable(value: Any) -> Any:
    """Show what HTML cannot hold, and what turns the text around it, by the sign for what is no character."""
    if not isinstance(value, str) or value.isprintable() or isinstance(value, Markup):
        return value
    return _UNREADABLE.sub("\ufffd", value)


@lru_cache(maxsize=len(INTERFACE))
def translations_of(language: str) -> Translations:
    """Read the interface texts of a language; English is its own message id.

    The catalogue is compiled here, when it is first wanted: what is committed is the text that people edit.
    """
    path = _LOCALE / language / "LC_MESSAGES" / "kgbuild.po"
    if not path.exists():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, abort_invalid=True))
    compiled.seek(0)
    return Translations(compiled)


def local_path(iri: str) -> str:
    """Give the address on this server of a thing of ours; any other IRI stays as it is.

    >>> local_path("https://w3id.org/icn/id/network/x"), local_path("https://w3id.org/icn/ontology#Network")
    ('/doc/network/x', '/ontology#Network')
    """
    for base, path in ((ID, "/doc/"), (BASE, "/")):
        if iri.startswith(base):
            return path + quote(iri.removeprefix(base), safe="/#:@!$&'()*+,;=~-._%")
    return iri


def write_address(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Write an address with the parameters that are not empty.

    >>> write_address("/search", [("q", "a b"), ("kind", "")])
    '/search?q=a+b'
    """
    kept = [pair for pair in pairs if pair[1]]
    return f"{path}?{urlencode(kept)}" if kept else path


def data_block(value: Any) -> Markup:
    r"""Write JSON that can stand in a script element: nothing in it can end the element or begin a comment.

    >>> str(data_block({"name": "</script>"}))
    '{"name": "\\u003c/script\\u003e"}'
    """
    written = json.dumps(value, ensure_ascii=False, sort_keys=True)
    escaped = _MEANS_SOMETHING.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
    return Markup(escaped)  # noqa: S704 - each character that means anything to HTML is written as an escape


def plain(text: str) -> str:
    """Leave out what is not seen: in an attribute nothing keeps marks of direction from the text around them.

    >>> plain("a\u202eb")
    'ab'
    """
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def cut(text: str, longest: int) -> str:
    """Cut the middle out of a long text: names of institutions differ at their ends.

    >>> cut("Academy of Public Administration of Kazakhstan", 24)
    'Academy of …f Kazakhstan'
    """
    if len(text) <= longest:
        return text
    begin = (longest - 1) // 2
    return f"{text[:begin]}…{text[-(longest - 1 - begin) :]}"


@pass_context
def _local(context: Context, iri: str) -> str:
    """Link to a thing in the language that the reader has chosen; nowhere, where no browser should be led."""
    path = link(local_path(iri)) or "#main"
    chosen = context["reader"].chosen
    if not chosen or not path.startswith("/"):
        return path
    address, mark, fragment = path.partition("#")
    return f"{address}{'&' if '?' in address else '?'}lang={chosen}{mark}{fragment}"


@pass_context
def _label(context: Context, labels: Mapping[str, str]) -> tuple[str, str]:
    return best_label(labels, context["reader"])


def best_label(labels: Mapping[str, str], reader: Reader) -> tuple[str, str]:
    """Choose text and language of a name for a reader: his own languages first, then any.

    >>> best_label({"ru": "Сеть", "fr": "Réseau"}, Reader(labels=("en", "ru")))
    ('Сеть', 'ru')
    """
    for language in (*reader.labels, *sorted(labels)):
        if language in labels:
            return labels[language], language
    return "", ""

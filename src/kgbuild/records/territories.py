"""Names of states and territories by ISO 3166 code (https://www.iso.org/iso-3166-country-codes.html): never typed.

Names in use come from the Unicode CLDR through Babel, those of former states from pycountry's ISO 3166-3.  They change
only when the locked version of one of the two does.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from typing import Final

import pycountry
from babel import Locale

from kgbuild.records.values import RecordError

LANGUAGES: Final = ("ar", "en", "fr", "kk", "ky", "ru", "tg", "tk", "uz", "zh")
"""The six official languages of the region's states, Chinese, and the working languages of most organizations."""


@lru_cache(maxsize=1024)
def territory_names(code: str) -> dict[str, str]:
    """Give language -> name for a two-letter code, in use or withdrawn; raises `RecordError`.

    >>> territory_names("KG")["ru"], territory_names("SU")["en"]
    ('Киргизия', 'USSR, Union of Soviet Socialist Republics')
    """
    if code.isascii() and len(code) == 2 and code.isupper():
        if pycountry.countries.get(alpha_2=code) or code == _KOSOVO:
            found = {language: Locale.parse(language).territories.get(code) for language in LANGUAGES}
            return {language: name for language, name in found.items() if name}
        if former := pycountry.historic_countries.get(alpha_2=code):
            return _former_names(former.name)
    finding = f"'{code}' is no ISO 3166 code of a state or territory"
    raise RecordError("iso-code", finding, "Write the two letters, as KZ; for a former state those it had, as SU.")


# User-assigned: ISO has no code for Kosovo, and CLDR, the European Union and others use this one.
_KOSOVO: Final = "XK"


def _former_names(english: str) -> dict[str, str]:
    names = {"en": english}
    for language in LANGUAGES:
        translations = gettext.translation("iso3166-3", pycountry.LOCALES_DIR, [language], fallback=True)
        if (name := translations.gettext(english)) != english:
            names[language] = name
    return names

"""Whether what a claim says is placed at the field of the record that says it."""

from __future__ import annotations

import re

from kgbuild.build.claims import ClaimFacts
from kgbuild.core.namespaces import RDF_TYPE, expand
from kgbuild.records.models import Article
from nonempty import nonempty

_OF_THE_PROGRAM = frozenset({RDF_TYPE, expand("icn:observed"), expand("icn:broadOffice")})
"""What no word of a record says as it stands."""
_NAMED = frozenset({expand("icn:replaces"), expand("icn:denies")})
"""What is said of a situation, which fields together name."""


def misplaced(article: Article, said: ClaimFacts) -> list[str]:
    """List the facts of an article's one claim whose path leads to nothing, or to what does not say them."""
    (claim,) = article.claims
    wrong = []
    for (_, predicate, object_), path in nonempty(said.facts):
        written = article.document.at((*claim.path, *path))
        slug = str(getattr(object_, "value", "")).rstrip("/").rpartition("/")[2]
        is_told = re.sub(r"\W|_|^(by|from)-", "", slug) in re.sub(r"\W|_", "", str(written))
        is_made = predicate.value in _OF_THE_PROGRAM or "unidentified" in str(written)
        is_named = path[1:] in (("replaces",), ("not",)) and predicate.value in _NAMED
        if written is None or not (is_told or is_made or is_named):
            wrong.append(f"{predicate.value} at {path}: {written}")
    return wrong

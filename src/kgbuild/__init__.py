"""kgbuild: from curated articles to a released, queryable knowledge graph."""

__version__ = "0.1.0"

"""From records to a release: what checks and what compiles."""

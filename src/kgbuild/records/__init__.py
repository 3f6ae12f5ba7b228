"""Records: what a curator writes, as typed models, each value with its place; they know nothing of RDF."""

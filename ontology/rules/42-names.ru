# A name something has borne finds it.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>

INSERT { ?thing skos:altLabel ?text . GRAPH graph:inferred { ?thing skos:altLabel ?text } }
WHERE { ?naming icn:nameOf ?thing ; icn:nameText ?text . FILTER NOT EXISTS { ?thing skos:altLabel ?text } }

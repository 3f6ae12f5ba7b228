# "Possibly the same" holds both ways.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?b icn:possiblySameAs ?a . GRAPH graph:inferred { ?b icn:possiblySameAs ?a } }
WHERE { ?a icn:possiblySameAs ?b . FILTER NOT EXISTS { ?b icn:possiblySameAs ?a } }

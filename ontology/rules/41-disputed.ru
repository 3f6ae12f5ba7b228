# Another voice asserts what one denies.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:disputed true . GRAPH graph:inferred { ?situation icn:disputed true } }
WHERE { ?denial icn:denies ?situation . ?situation a icn:Situation }

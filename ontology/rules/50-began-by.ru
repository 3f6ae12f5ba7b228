# Began by: the latest day of the stated beginning, or of the first attestation, whichever is earlier.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:beganBy ?day . GRAPH graph:inferred { ?situation icn:beganBy ?day } }
WHERE {
  { SELECT ?situation (MIN(?latest) AS ?day)
    WHERE { ?situation (icn:began|icn:attestedOn)/icn:latest ?latest }
    GROUP BY ?situation }
  ?situation a icn:LastingState .
}

# Ended not before: the earliest day of the stated end or of the beginning of what replaces it, or the day after the last
# attestation, whichever is later. What is after the day it ended by is left out: the sources disagree, and a check says so.

PREFIX function: <https://w3id.org/icn/function/>
PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:endedNotBefore ?day . GRAPH graph:inferred { ?situation icn:endedNotBefore ?day } }
WHERE {
  SELECT ?situation (MAX(?floor) AS ?day)
  WHERE {
    { ?situation icn:ended/icn:earliest ?floor }
    UNION { ?later icn:replaces ?situation ; icn:joined/icn:earliest ?floor }
    UNION { ?situation icn:attestedOn/icn:earliest ?seen . BIND (function:day-after(?seen) AS ?floor) }
    ?situation a icn:LastingState .
    OPTIONAL { ?situation icn:endedBy ?by }
    FILTER (!COALESCE(?floor > ?by, false))
  }
  GROUP BY ?situation
}

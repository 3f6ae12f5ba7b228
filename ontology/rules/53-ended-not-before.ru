# Ended not before: the earliest day of the stated end, or the day after the last attestation, whichever is later,
# unless that would put it after the day it ended by.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>

INSERT { ?situation icn:endedNotBefore ?day . GRAPH graph:inferred { ?situation icn:endedNotBefore ?day } }
WHERE {
  ?situation a ?class . VALUES ?class { icn:Membership icn:Tenure }
  OPTIONAL { ?situation icn:ended/icn:earliest ?ended }
  OPTIONAL { ?situation icn:endedBy ?by }
  OPTIONAL {
    SELECT ?situation (MAX(?earliest) + "P1D"^^xsd:dayTimeDuration AS ?after)
    WHERE { ?situation icn:attestedOn/icn:earliest ?earliest }
    GROUP BY ?situation
  }
  BIND (IF(COALESCE(?after > ?by, false), ?unbound, ?after) AS ?floor)
  BIND (IF(COALESCE(?floor > ?ended, !BOUND(?ended)), ?floor, ?ended) AS ?day)
  FILTER BOUND(?day)
}

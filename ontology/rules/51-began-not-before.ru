# Began not before: the earliest day of the stated beginning, or of the organization's founding, whichever is later:
# nobody joins what is not founded. A founding after the day it began by is left out: the sources disagree, and a check
# says so.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:beganNotBefore ?day . GRAPH graph:inferred { ?situation icn:beganNotBefore ?day } }
WHERE {
  SELECT ?situation (MAX(?floor) AS ?day)
  WHERE {
    { ?situation icn:began/icn:earliest ?floor }
    UNION { ?situation (icn:organization|icn:institution)/^icn:founded/icn:happened/icn:earliest ?floor }
    ?situation a ?class . VALUES ?class { icn:Membership icn:Suspension icn:Tenure icn:Seat icn:Naming icn:Tie }
    OPTIONAL { ?situation icn:beganBy ?by }
    FILTER (!COALESCE(?floor > ?by, false))
  }
  GROUP BY ?situation
}

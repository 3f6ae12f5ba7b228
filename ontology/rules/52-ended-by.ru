# Ended by: the latest day of the stated end, or of the organization's dissolution, whichever is earlier.

PREFIX change-type: <https://w3id.org/icn/vocabulary/change-type/>
PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:endedBy ?day . GRAPH graph:inferred { ?situation icn:endedBy ?day } }
WHERE {
  { SELECT ?situation (MIN(?latest) AS ?day)
    WHERE {
      { ?situation icn:ended/icn:latest ?latest }
      UNION {
        ?situation icn:organization|icn:institution ?organization .
        ?dissolution icn:changed ?organization ; icn:changeType change-type:dissolution ; icn:happened/icn:latest ?latest
      }
    }
    GROUP BY ?situation }
  ?situation a ?class . VALUES ?class { icn:Membership icn:Suspension icn:Tenure icn:Seat icn:Naming icn:Tie }
}

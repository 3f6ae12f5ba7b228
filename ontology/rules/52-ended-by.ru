# Ended by: the latest day of the stated end, or of the end of the organization, whichever is earlier.

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
      UNION {
        # Who leaves, or is absorbed by another, goes on or not; what merges, splits or is replaced has ended.
        ?situation icn:organization|icn:institution ?organization .
        ?succession icn:original ?organization ; icn:changeType ?type ; icn:happened/icn:latest ?latest .
        VALUES ?type { change-type:merger change-type:absorption change-type:split change-type:replacement }
        FILTER NOT EXISTS { ?succession icn:resulting ?organization }
        FILTER EXISTS { ?succession icn:resulting ?another }
      }
    }
    GROUP BY ?situation }
  ?situation a icn:LastingState .
}

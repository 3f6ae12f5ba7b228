# Ended by: the latest day of the stated end, of the end of the organization or of the member, or of the beginning of what
# replaces it; the earliest of these.

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
      UNION { ?later icn:replaces ?situation ; icn:joined/icn:latest ?latest }
      UNION {
        # Who is no more belongs to nothing; what began after that is of one who was there again.
        ?situation icn:member|icn:suspendedMember ?member .
        { ?end icn:changed ?member ; icn:changeType change-type:dissolution }
        UNION {
          ?end icn:original ?member ; icn:changeType ?kind ; icn:resulting ?new .
          VALUES ?kind {
            change-type:merger change-type:absorption change-type:split change-type:replacement change-type:continuation
          }
          FILTER NOT EXISTS { ?end icn:resulting ?member }
        }
        ?end icn:happened/icn:latest ?latest .
        FILTER NOT EXISTS { ?situation icn:beganNotBefore ?begin . FILTER (?begin > ?latest) }
      }
    }
    GROUP BY ?situation }
  ?situation a icn:LastingState .
}

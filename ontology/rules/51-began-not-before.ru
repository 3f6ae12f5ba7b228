# Began not before: the earliest day of the stated beginning, or of the organization's, whichever is later:
# nobody joins what is not founded. A founding after the day it began by is left out: the sources disagree, and a check
# says so.

PREFIX change-type: <https://w3id.org/icn/vocabulary/change-type/>
PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:beganNotBefore ?day . GRAPH graph:inferred { ?situation icn:beganNotBefore ?day } }
WHERE {
  SELECT ?situation (MAX(?floor) AS ?day)
  WHERE {
    # In a query of its own: joined as it stands, a union is compared with every situation there is.
    { SELECT ?situation ?floor WHERE {
      { ?situation icn:began/icn:earliest ?floor }
      UNION { ?situation (icn:organization|icn:institution)/^icn:founded/icn:happened/icn:earliest ?floor }
      UNION {
        # What comes out of a merger, a split or a secession did not exist before; what replaces or absorbs may have.
        ?situation icn:organization|icn:institution ?organization .
        ?succession icn:resulting ?organization ; icn:changeType ?type ; icn:happened/icn:earliest ?floor .
        VALUES ?type { change-type:merger change-type:split change-type:secession }
        FILTER NOT EXISTS { ?succession icn:original ?organization }
      }
    } }
    ?situation a icn:LastingState .
    OPTIONAL { ?situation icn:beganBy ?by }
    FILTER (!COALESCE(?floor > ?by, false))
  }
  GROUP BY ?situation
}

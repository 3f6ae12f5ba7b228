# Began not before: the earliest day of the stated beginning; nobody joins what is not founded, so the founding
# narrows it, unless that would put it after the day it began by (then the sources disagree, and a check says so).

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:beganNotBefore ?day . GRAPH graph:inferred { ?situation icn:beganNotBefore ?day } }
WHERE {
  ?situation a ?class ; ?inBody ?organization .
  VALUES (?class ?inBody) { (icn:Membership icn:organization) (icn:Tenure icn:institution) }
  OPTIONAL { ?situation icn:began/icn:earliest ?began }
  OPTIONAL { ?situation icn:beganBy ?by }
  OPTIONAL {
    SELECT ?organization (MIN(?earliest) AS ?founded)
    WHERE { ?founding icn:founded ?organization ; icn:happened/icn:earliest ?earliest }
    GROUP BY ?organization
  }
  BIND (IF(COALESCE(?founded > ?by, false), ?unbound, ?founded) AS ?floor)
  BIND (IF(COALESCE(?floor > ?began, !BOUND(?began)), ?floor, ?began) AS ?day)
  FILTER BOUND(?day)
}

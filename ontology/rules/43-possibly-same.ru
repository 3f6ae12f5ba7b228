# Acts that may be one, told by articles that name no common occasion: proposed to the curator, never merged.

PREFIX change-type: <https://w3id.org/icn/vocabulary/change-type/>
PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

# Decisions, proposals or statements of one maker on one day, or in one month at the most.
INSERT { ?one icn:possiblySameAs ?other . GRAPH graph:inferred { ?one icn:possiblySameAs ?other } }
WHERE {
  VALUES ?class { icn:Decision icn:Proposal icn:Statement }
  ?one a ?class ; icn:madeBy ?maker ; icn:madeOn ?day .
  ?other a ?class ; icn:madeBy ?maker ; icn:madeOn ?date .
  FILTER (?one != ?other)
  ?day icn:earliest ?first ; icn:latest ?last .
  ?date icn:earliest ?earliest ; icn:latest ?latest .
  FILTER (?first <= ?latest && ?earliest <= ?last)
  FILTER (SUBSTR(STR(?first), 1, 7) = SUBSTR(STR(?last), 1, 7) && SUBSTR(STR(?earliest), 1, 7) = SUBSTR(STR(?latest), 1, 7))
  # Two acts of one occasion are two.
  FILTER NOT EXISTS { ?one (icn:occurredAt|icn:setOutIn) ?occasion . ?other (icn:occurredAt|icn:setOutIn) ?occasion }
  FILTER NOT EXISTS { ?one icn:statedIn ?article . ?other icn:statedIn ?article }
  # A statement of another kind is another statement; two subjects without anything in common are two.
  FILTER NOT EXISTS { ?one icn:speechAct ?act . ?other icn:speechAct ?another . FILTER (?act != ?another) }
  FILTER EXISTS { ?one (icn:concerning|icn:addressee|icn:carriedOutBy|icn:ledTo) ?common .
                  ?other (icn:concerning|icn:addressee|icn:carriedOutBy|icn:ledTo) ?common }
} ;

# Successions of one type with a party in common on the same side, of which sources name more or fewer.
INSERT { ?one icn:possiblySameAs ?other . GRAPH graph:inferred { ?one icn:possiblySameAs ?other } }
WHERE {
  ?one a icn:Succession ; icn:changeType ?type .
  ?other a icn:Succession ; icn:changeType ?type .
  FILTER (?one != ?other)
  { ?one icn:original ?party . ?other icn:original ?party } UNION { ?one icn:resulting ?party . ?other icn:resulting ?party }
  OPTIONAL { ?one icn:happened/icn:latest ?last }
  OPTIONAL { ?one icn:happened/icn:earliest ?first }
  OPTIONAL { ?other icn:happened/icn:latest ?latest }
  OPTIONAL { ?other icn:happened/icn:earliest ?earliest }
  FILTER (!COALESCE(?first > ?latest, false) && !COALESCE(?earliest > ?last, false))
  # A secession leaves one for each: what two seceded from is common to two successions.
  FILTER (?type != change-type:secession || EXISTS { ?one icn:resulting ?new . ?other icn:resulting ?new })
}

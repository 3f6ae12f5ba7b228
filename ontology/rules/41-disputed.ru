# Another voice asserts what one denies. A denial says nothing of what began after its day, or had ended.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX standing: <https://w3id.org/icn/vocabulary/standing/>

INSERT { ?situation icn:disputed true . GRAPH graph:inferred { ?situation icn:disputed true } }
WHERE {
  ?denial icn:denies ?situation .
  ?situation a icn:Situation .
  # A denied membership is one of a standing, of a member where no other is named: a partner may well be no member.
  OPTIONAL { ?denial icn:deniedStanding ?named }
  BIND (COALESCE(?named, standing:member) AS ?denied)
  FILTER (!EXISTS { ?situation icn:standing ?any } || EXISTS { ?situation icn:standing/skos:broader* ?denied })
  OPTIONAL { ?denial icn:attestedOn/icn:earliest ?first }
  OPTIONAL { ?denial icn:attestedOn/icn:latest ?last }
  OPTIONAL { ?situation (icn:began|icn:signedOn)/icn:earliest ?began }
  OPTIONAL { ?situation icn:ended/icn:latest ?ended }
  FILTER (!COALESCE(?began > ?last, false) && !COALESCE(?ended <= ?first, false))
}

# Another voice asserts what one denies. A denial says nothing of what began after its day, or had ended.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>

INSERT { ?situation icn:disputed true . GRAPH graph:inferred { ?situation icn:disputed true } }
WHERE {
  ?denial icn:denies ?situation .
  ?situation a icn:Situation .
  OPTIONAL { ?denial icn:attestedOn/icn:earliest ?first }
  OPTIONAL { ?denial icn:attestedOn/icn:latest ?last }
  OPTIONAL { ?situation (icn:began|icn:signedOn)/icn:earliest ?began }
  OPTIONAL { ?situation icn:ended/icn:latest ?ended }
  FILTER (!COALESCE(?began > ?last, false) && !COALESCE(?ended <= ?first, false))
}

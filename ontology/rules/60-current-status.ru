# The status, legal form or status of a polity last observed: by its own date, else by the day its article was published.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX status-concept: <https://w3id.org/icn/vocabulary/status/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>

INSERT { ?about ?current ?value . GRAPH graph:inferred { ?about ?current ?value } }
WHERE {
  { SELECT ?about ?property ?current (MAX(?seen) AS ?last)
    WHERE { VALUES (?property ?current) {
              (icn:status icn:currentStatus) (icn:legalForm icn:currentLegalForm) (icn:polityStatus icn:currentPolityStatus) }
            ?observation icn:observed ?about ; ?property ?any .
            OPTIONAL { ?observation icn:asOf/icn:latest ?dated }
            OPTIONAL { ?observation icn:statedIn/icn:published/icn:earliest ?published }
            BIND (COALESCE(?dated, ?published, "0001-01-01"^^xsd:date) AS ?seen) }
    GROUP BY ?about ?property ?current }
  ?observation icn:observed ?about ; ?property ?value .
  OPTIONAL { ?observation icn:asOf/icn:latest ?dated }
  OPTIONAL { ?observation icn:statedIn/icn:published/icn:earliest ?published }
  FILTER (COALESCE(?dated, ?published, "0001-01-01"^^xsd:date) = ?last)
} ;

# A meeting that no source gives a status has the one its dates give it: held, or only announced.

INSERT { ?meeting icn:currentStatus ?status . GRAPH graph:inferred { ?meeting icn:currentStatus ?status } }
WHERE {
  ?meeting a icn:Meeting .
  FILTER NOT EXISTS { ?observation icn:observed ?meeting ; icn:status ?any }
  OPTIONAL { ?meeting icn:held ?held }
  OPTIONAL { ?meeting icn:planned ?planned }
  FILTER (BOUND(?held) || BOUND(?planned))
  BIND (IF(BOUND(?held), status-concept:held, status-concept:announced) AS ?status)
}

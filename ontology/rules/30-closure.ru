# What follows from the hierarchies of classes and properties, ours and those they are aligned to.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>

INSERT { ?thing a ?above . GRAPH graph:inferred { ?thing a ?above } }
WHERE {
  ?thing a ?class . ?class rdfs:subClassOf+ ?above .
  FILTER (isIRI(?above) && !STRSTARTS(STR(?above), "https://w3id.org/.well-known/genid/"))
  FILTER NOT EXISTS { ?thing a ?above }
} ;

INSERT { ?thing ?above ?value . GRAPH graph:inferred { ?thing ?above ?value } }
WHERE {
  ?property rdfs:subPropertyOf+ ?above .
  ?thing ?property ?value .
  FILTER NOT EXISTS { ?thing ?above ?value }
}

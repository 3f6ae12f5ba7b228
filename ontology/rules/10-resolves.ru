# A named member is the witness of an unidentified one: same organization, same standing, the state the placeholder
# tells of, the expected class, and dates of joining that do not exclude each other. No identity is claimed.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>

INSERT { ?named icn:resolves ?placeholder . GRAPH graph:inferred { ?named icn:resolves ?placeholder } }
WHERE {
  ?party a icn:UnidentifiedParty ; icn:ofState ?state ; icn:expectedType ?class .
  ?placeholder icn:member ?party ; icn:organization ?organization ; icn:standing ?standing .
  ?named icn:organization ?organization ; icn:standing ?standing ; icn:member ?member .
  ?member icn:ofState ?state ; a/rdfs:subClassOf* ?class .
  FILTER NOT EXISTS { ?member a icn:UnidentifiedParty }
  OPTIONAL { ?placeholder icn:joined/icn:earliest ?first }
  OPTIONAL { ?placeholder icn:joined/icn:latest ?last }
  OPTIONAL { ?named icn:joined/icn:earliest ?earliest }
  OPTIONAL { ?named icn:joined/icn:latest ?latest }
  FILTER (!COALESCE(?earliest > ?last, false) && !COALESCE(?latest < ?first, false))
}

# Who is said to belong, and no source says in what standing, is a member.

PREFIX graph: <https://w3id.org/icn/graph/>
PREFIX icn: <https://w3id.org/icn/ontology#>
PREFIX standing: <https://w3id.org/icn/vocabulary/standing/>

INSERT { ?membership icn:standing standing:member . GRAPH graph:inferred { ?membership icn:standing standing:member } }
WHERE { ?membership a icn:Membership . FILTER NOT EXISTS { ?membership icn:standing ?stated } }

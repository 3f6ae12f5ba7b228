# A resolved placeholder stays in its article's graph; in the default graph a count of members must not see it beside
# its witness. What points at it (icn:resolves, its claims) stays.

PREFIX icn: <https://w3id.org/icn/ontology#>

DELETE { ?placeholder ?property ?value }
WHERE { ?named icn:resolves ?placeholder . ?placeholder ?property ?value }

// Asks Comunica a SELECT query over SPARQL endpoints: node query.mjs QUERY ENDPOINT…; writes one JSON object a row.
import { QueryEngine } from '@comunica/query-sparql';

const [, , query, ...endpoints] = process.argv;
const sources = endpoints.map((value) => ({ type: 'sparql', value }));
const rows = await new QueryEngine().queryBindings(query, { sources });
for (const row of await rows.toArray()) {
  console.log(JSON.stringify(Object.fromEntries([...row].map(([variable, term]) => [variable.value, term.value]))));
}

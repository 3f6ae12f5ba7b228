// Asks Comunica a SELECT query: node query.mjs QUERY SOURCE…; writes one JSON object a row.
// A source is an endpoint if its address ends in /sparql, else a document that is dereferenced.
import { QueryEngine } from '@comunica/query-sparql';

const [, , query, ...addresses] = process.argv;
const sources = addresses.map((value) => ({ type: value.endsWith('/sparql') ? 'sparql' : 'file', value }));
const rows = await new QueryEngine().queryBindings(query, { sources });
for (const row of await rows.toArray()) {
  console.log(JSON.stringify(Object.fromEntries([...row].map(([variable, term]) => [variable.value, term.value]))));
}

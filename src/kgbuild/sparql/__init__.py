"""SPARQL: the text of queries, formats of answers, look-ups, and the engines that answer on the command line."""

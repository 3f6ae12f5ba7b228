"""The server's data: one protocol with three operations, over workers here or another SPARQL server."""

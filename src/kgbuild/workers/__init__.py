"""Queries in processes that may be killed: a deadline holds, and a query that ends its process ends nothing else.

It knows SPARQL and nothing of what the data are about.  What else a worker can do is named by whoever starts the pool.
"""

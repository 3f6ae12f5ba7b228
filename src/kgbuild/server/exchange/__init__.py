"""From a request to an answer: the service with its cache, addresses, queries answered and kept."""

"""The HTTP server: what is public, in one table of routes (`app.py`)."""

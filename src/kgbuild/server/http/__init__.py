"""HTTP alone: requests read, representations chosen, responses and problems written."""

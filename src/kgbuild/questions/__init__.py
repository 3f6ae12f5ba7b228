"""Named questions: their files, the values of their parameters, what those are looked up by, and answers as text."""

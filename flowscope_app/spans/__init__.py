"""The session in memory: typed columns of spans, and what can be said of them without a window."""

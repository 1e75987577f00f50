"""Models of others that take part: each in a process of its own, with limits."""

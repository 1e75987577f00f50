"""Metrics and intervals that River lacks, in its style. They know nothing of the market."""

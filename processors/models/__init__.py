"""The models, each behind the protocol of `processors.models.protocol`."""

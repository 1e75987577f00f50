"""The models, each with the interface of `processors.models.protocol`."""

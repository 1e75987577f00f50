"""Dashboards, alerts and annotations of Grafana, as code over ClickHouse's tables."""

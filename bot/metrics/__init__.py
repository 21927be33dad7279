"""Metrics for Prometheus and health checks, served over HTTP where METRICS_PORT is set."""

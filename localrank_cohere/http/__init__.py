"""Connections: clients, proxies, trust, headers, and what may be logged of them."""

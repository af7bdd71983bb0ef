"""Requests into bytes and answers into scores or errors: pure, nothing here opens a connection."""

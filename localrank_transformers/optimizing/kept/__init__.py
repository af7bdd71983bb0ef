"""Faster graphs kept on this machine."""

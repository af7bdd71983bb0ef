"""The clouds: services whose requests are signed, or carry tokens that expire."""

"""Our server against the same model in process, against another server, and against clients that leave."""

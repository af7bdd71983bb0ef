"""The application as a process of its own: what it is told, and how it starts, reloads and ends."""

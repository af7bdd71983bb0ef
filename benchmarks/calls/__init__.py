"""What one call takes and how soon it ends: time, memory, long lists and long documents, callers at once."""

"""A folder in which documents outlive the process: where they lie, who writes, and what is wrong with it."""

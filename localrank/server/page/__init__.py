"""The page at `/`: one HTML file and a stylesheet, nothing fetched from anywhere else."""

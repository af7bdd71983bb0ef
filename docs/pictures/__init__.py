"""Pictures of README, made from what the commands really print: `python -m docs.pictures`."""

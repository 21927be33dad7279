"""The queue's service: dispatch to workers, positions and ETA, history and delivery records."""

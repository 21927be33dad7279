"""The queue's service: who is next, how long it takes, and what the worker is given."""

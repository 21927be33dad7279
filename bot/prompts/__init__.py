"""What to type: the coach, the starter library, and clean names. Pure functions over packaged data."""

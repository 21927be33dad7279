"""Models from the Hugging Face hub: catalogue, cache, download, integrity. Nothing here imports torch."""

"""Google Cloud adapters and entry points of the functions: thin, what they do stands in `twin_runtime`."""

"""What the deployed functions of a twin do, once for all clouds, on the standard library alone."""

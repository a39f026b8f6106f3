"""`make demo`: a twin on this machine, and what it does with telemetry, shown step by step."""

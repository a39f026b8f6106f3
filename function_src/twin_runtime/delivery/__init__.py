"""At least once, in batches: queues, dead letters, and what must happen once."""

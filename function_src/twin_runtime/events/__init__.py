"""What an event is: its shape, its time, where it comes from and the user's code on it."""

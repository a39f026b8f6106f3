"""HTTPS between functions of different clouds: requests, signatures, answers, retries."""

"""One stack per cloud in use, and `links` where data crosses clouds."""

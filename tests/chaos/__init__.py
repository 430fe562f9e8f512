"""Real processes, killed at any instant: nothing acknowledged is lost, and nothing is done twice."""

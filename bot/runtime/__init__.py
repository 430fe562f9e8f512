"""What every process needs: settings, clock, logs and request ids."""

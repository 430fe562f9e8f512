"""Outbound texts from the queue to the delivery report."""

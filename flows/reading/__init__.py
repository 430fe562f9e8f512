"""Readers of what people type: numbers, answers, codes, keywords and offers."""

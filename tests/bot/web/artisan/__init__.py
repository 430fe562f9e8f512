"""Tests of the pages of artisans."""

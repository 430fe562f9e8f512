"""Demo data: kiosks, artisans and products with drawn pictures, and bulk data for benchmarks."""

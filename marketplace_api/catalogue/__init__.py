"""Products, their categories, photos and search."""

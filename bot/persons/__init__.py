"""A person's data: what is stored of a person, its export and erasure, and how long it is kept."""

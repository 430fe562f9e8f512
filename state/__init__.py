"""What must outlive a hop: conversations, people, texts, and what has yet to leave."""

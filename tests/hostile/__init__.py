"""What is brought in to do harm."""

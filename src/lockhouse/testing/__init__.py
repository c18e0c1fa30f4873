"""What authors of plugins test with; nothing of lockhouse itself needs it."""

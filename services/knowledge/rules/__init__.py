"""What an article is, who may move it, and what a reader sees of it; decided without I/O or a clock."""

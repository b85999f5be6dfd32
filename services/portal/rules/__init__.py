"""Who people are, which teams there are, and who may sign in; decided without I/O or a clock."""

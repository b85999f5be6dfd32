"""What a change is and what may be done with it, decided without I/O or a clock."""

"""What metrics hears and says, as messages."""

"""The command-line tool `tl`: brings histories in, prints the board, verifies the journals of a running system."""

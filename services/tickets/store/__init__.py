"""Tickets, the matrix and files as documents; the lists and their indexes. Decides nothing."""

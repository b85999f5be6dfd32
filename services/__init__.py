"""Throughline's services; each is one process (portal: two) and one image."""

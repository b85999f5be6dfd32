"""Owns changes; answers ChangesService; publishes ChangeDrafted to ChangeCancelled; hears nothing yet.

Never: executes a change itself, or lets one be executed outside its approval and its window.
"""

"""Uploaded files: who owns them, whether they are what they say, and short-lived links to them."""

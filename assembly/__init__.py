"""The composition root: which class fills which role. ``main`` is its door; nobody else imports it."""

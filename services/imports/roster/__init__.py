"""Reading a roster file: ``read.read_roster`` for the server, the rest runs in a child with limits."""

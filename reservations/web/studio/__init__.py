"""The pages where a facility is set up: facts, names, spaces, rule documents."""

"""Setting up in the browser: facilities, spaces and their units, rule documents that a second person agrees to."""

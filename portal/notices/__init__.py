"""Messages to people: mail first. `services.send` puts one into the caller's transaction."""

"""Messages to people: mail first."""

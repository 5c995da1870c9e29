"""The city as an organisation: departments, offices, postal codes, texts; reads a city pack."""

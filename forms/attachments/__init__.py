"""What is handed in as a file: looked at, made clean, encrypted, kept with its case, shown only to those who may see the case."""

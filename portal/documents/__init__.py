"""PDF: layout, fonts, signature."""

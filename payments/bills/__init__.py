"""Tax bills: the section hands a file over, residents pay by number or code, a payment file goes back."""

"""Request plumbing: access, errors, locale, shared pages."""

"""The JSON API at /api/v1, its OpenAPI document, and the page where the IT section makes tokens."""

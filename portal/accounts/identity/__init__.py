"""Who somebody is, confirmed online by an identity provider: `choice` (which one), `oidc`, `claims`, `services`, `sample` (development)."""

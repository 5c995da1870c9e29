"""Who confirms online who somebody is, in this process. Only `configure` knows what the settings name.

The OpenID Connect libraries are loaded with the first question to the provider: worker and commands do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.settings import Settings, SettingsError

if TYPE_CHECKING:
    from portal.accounts.identity.oidc import Provider
    from portal.accounts.identity.sample import SampleProvider


class _Chosen:
    settings: Settings | None = None
    provider: Provider | None = None
    sample: SampleProvider | None = None


def configure(settings: Settings) -> None:
    """Choose the provider: a real one (`oidc`), the development one (`sample`, never in production), or none.

    Raises:
        SettingsError: an unknown word, or the development provider in production.
    """
    if settings.identity not in {"oidc", "sample", "none"}:
        raise SettingsError(
            f"IDENTITY_PROVIDER is {settings.identity!r}: use oidc, sample (development) or none",
        )
    if settings.identity == "sample" and settings.production:
        raise SettingsError("IDENTITY_PROVIDER is sample: it confirms invented people; set oidc or none")
    _Chosen.settings = None if settings.identity == "none" else settings
    _Chosen.provider = _Chosen.sample = None


def use(chosen: Provider | None) -> None:
    """Use this provider until the next `configure` (tests hand theirs over here); None: people show who they are at the counter."""
    _Chosen.settings = None
    _Chosen.provider, _Chosen.sample = chosen, None


def available() -> bool:
    """Whether people can confirm online who they are."""
    return _Chosen.settings is not None or _Chosen.provider is not None


def provider() -> Provider | None:
    """The provider of this process."""
    if _Chosen.provider is None and _Chosen.settings is not None:
        _Chosen.provider = _made(_Chosen.settings)
    return _Chosen.provider


def _made(settings: Settings) -> Provider:
    from portal.accounts.identity.oidc import Client, Provider

    found = sample()
    if found is not None:
        return Provider(found.client)
    return Provider(
        Client(
            "oidc",
            settings.identity_name,
            settings.identity_issuer,
            settings.identity_client_id,
            settings.identity_client_secret,
            settings.identity_client_key,
        )
    )


def sample() -> SampleProvider | None:
    """The development provider where this process serves it; never in production."""
    settings = _Chosen.settings
    if _Chosen.sample is None and settings is not None and settings.identity == "sample":
        from portal.accounts.identity.sample import SampleProvider

        _Chosen.sample = SampleProvider(settings.secret_key, settings.public_url)
    return _Chosen.sample


def name() -> str:
    """The provider's name as people know it; "" where there is none."""
    found = provider()
    return found.client.name if found is not None else ""

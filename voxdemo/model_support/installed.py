"""Which version of a package is installed."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(distribution: str) -> str:
    """As the package index calls it, such as "hibari-tts"; "not installed" where there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"

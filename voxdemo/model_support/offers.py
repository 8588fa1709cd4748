"""Models that a setting can name, which of them it means on this machine, in which version. Knows none of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Generic, TypeVar

from voxdemo.errors import SettingsError
from voxdemo.settings import PREFIX, Settings

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Weights:
    """The files that a model needs on this machine, as `hub.fetch` takes them."""

    model: str
    """A hub id or a folder."""
    needed: Sequence[str]
    setting: str
    """The variable that names the model."""
    is_all: bool = False
    """Whether it needs nothing else: other models lie beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What is known of a model that doesn't come with the installed packages."""

    weights: Callable[[Settings], Sequence[Weights]]
    """The model's own, then those of others that it works with. May import PyTorch, to see what fits. Raises
    SettingsError.
    """
    is_here: Callable[[Settings], bool]
    """Whether they are on this machine already; asks no network."""
    why: Callable[[Settings], str]
    """Why "auto" takes the model on this machine, such as "there is a GPU"; "" where it doesn't."""


@dataclass(frozen=True, slots=True)
class Offer(Generic[Choice]):
    """A model that a setting can name."""

    name: str
    """As the setting names it."""
    title: str
    """As people read it: "VoxCPM"."""
    choose: Callable[[Settings, bool], Choice]
    """The model, whose download, checks and loading begin when it is built.

    True: it was named, so that SettingsError is raised where it can't be had or trusted.
    """
    download: Download | None = None
    is_extra: bool = False
    """Its packages are installed only where a setting names it: "auto" never means it."""


@dataclass(frozen=True, slots=True)
class Registry(Generic[Choice]):
    """The models of one kind, the best first; the last one comes with the installed packages and always works."""

    field: str
    """The name of the setting that names one of them, or "auto"."""
    offers: Sequence[Offer[Choice]]
    others_field: str = ""
    """The name of the setting that lists further ones beside it, where there is one."""

    @property
    def names(self) -> tuple[str, ...]:
        return ("auto", *sorted(offer.name for offer in self.offers))

    def downloads(self, settings: Settings) -> Sequence[tuple[str, Download]]:
        """The titles of the models to download, of extras only those that are named, and what is known of each.

        Raises SettingsError for a name that isn't offered.
        """
        named = (self._named(settings), *self._listed(settings))
        wanted = [offer for offer in self.offers if not offer.is_extra or offer.name in named]
        return [(offer.title, offer.download) for offer in wanted if offer.download]

    @property
    def better(self) -> str:
        """The models that can more than the last one, for a sentence: "VoxCPM"."""
        return " or ".join(offer.title for offer in self.offers if offer.download and not offer.is_extra)

    def choose(self, settings: Settings) -> Sequence[Choice]:
        """The models to load: the one that is wanted, and behind it one that stands by until that can serve.

        Raises SettingsError for a name that isn't offered, and where a model was named that can't be had.
        """
        offer, _ = self.wanted(settings)
        if self._named(settings) != "auto":
            return [offer.choose(settings, True)]
        return [each.choose(settings, False) for each in dict.fromkeys((offer, self.offers[-1]))]

    def others(self, settings: Settings) -> Sequence[Choice]:
        """Those beside `choose`'s, which are loaded when they are asked for.

        Where the setting is "auto", those that come with the installed packages, and none if the one to speak is named.
        Raises SettingsError for a name that isn't offered, and where a model was named that isn't here.
        """
        listed, (wanted, _) = self._listed(settings), self.wanted(settings)
        is_auto = listed == ("auto",)
        chosen = [offer for offer in self.offers if offer.name in listed or (is_auto and not offer.download)]
        if self._named(settings) == "auto":
            chosen = [offer for offer in chosen if offer is not self.offers[-1]]
        elif is_auto:
            return []
        for offer in chosen:
            if offer.download and not offer.download.is_here(settings):
                variable = f"{PREFIX}{self.others_field.upper()}"
                raise SettingsError(
                    f"{variable} names {offer.name}, whose weights aren't downloaded: run ./launch.sh fetch-models, "
                    "or take it out."
                )
        return [offer.choose(settings, not is_auto) for offer in chosen if offer is not wanted]

    def built_in(self, settings: Settings) -> Choice:
        """The one that always works."""
        return self.offers[-1].choose(settings, False)

    def check(self, settings: Settings, others: Sequence[str] = ()) -> None:
        """Raises SettingsError for a name that neither is offered nor is one of the `others`."""
        if (named := self._named(settings)) not in (known := (*self.names, *others)):
            variable = f"{PREFIX}{self.field.upper()}"
            raise SettingsError(f"{variable} is {named!r}, but it must be one of {', '.join(known)}.")

    def wanted(self, settings: Settings) -> tuple[Offer[Choice], str]:
        """The model that is wanted, and why. Raises SettingsError for a name that isn't offered."""
        self.check(settings)
        named, variable = self._named(settings), f"{PREFIX}{self.field.upper()}"
        for offer in self.offers:
            if offer.name == named:
                return offer, f"{variable} is {named}"
            if named == "auto" and offer.download and (why := offer.download.why(settings)):
                return offer, why
        return self.offers[-1], f"there is no GPU and {self.better} isn't downloaded"

    def _listed(self, settings: Settings) -> tuple[str, ...]:
        """The names of further ones. Raises SettingsError for one that isn't offered."""
        listed: tuple[str, ...] = tuple(getattr(settings, self.others_field, ()))
        unknown = [name for name in listed if name not in self.names or (name == "auto" and len(listed) > 1)]
        if unknown:
            variable, allowed = f"{PREFIX}{self.others_field.upper()}", ", ".join(self.names[1:])
            raise SettingsError(
                f"{variable} is {', '.join(listed)!r}, but it must be auto, or some of {allowed}, separated by commas."
            )
        return listed

    def _named(self, settings: Settings) -> str:
        return str(getattr(settings, self.field))


def installed_version(distribution: str) -> str:
    """Of a package, as its index calls it, such as "hibari-tts"; "not installed" where there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"

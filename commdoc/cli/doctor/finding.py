"""What `commdoc doctor` says of one thing, and the commands that it proposes."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

import commdoc

State = Literal["ok", "hint", "problem"]
Group = Literal["this environment", "running servers", "notebooks", "kernels", "this user"]

RESTART_SERVER: Final = "then restart the server"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
        Which check it was: a name that doesn't change.
    about : str
        The thing.
    state : str
        ``ok``; ``hint``: goes on as it is; ``problem``: something must be done.
    found : str
        What was read.
    run : tuple of str
        The commands that mend it.
    then : str
        What no command does.
    """

    group: Group
    check: str
    about: str
    state: State
    found: str
    run: tuple[str, ...] = ()
    then: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "run": list(self.run)}


class About(NamedTuple):
    """A thing that is looked at; makes what is found of it."""

    group: Group
    check: str
    about: str

    def ok(self, found: str) -> Finding:
        """Say that it is as it should be."""
        return self.say("ok", found)

    def hint(self, found: str, *run: str, then: str = "") -> Finding:
        """Say what might be better."""
        return self.say("hint", found, *run, then=then)

    def problem(self, found: str, *run: str, then: str = "") -> Finding:
        """Say what must be mended, and how."""
        return self.say("problem", found, *run, then=then)

    def say(self, state: State, found: str, *run: str, then: str = "") -> Finding:
        """Say it with a state."""
        return Finding(*self, state, found, run, then)


def command(*words: str) -> str:
    """Return a command for a shell."""
    return shlex.join(words)


def install(python: str, *what: str, options: tuple[str, ...] = ()) -> str:
    """Return the command that installs into the environment of an interpreter."""
    return command(python, "-m", "pip", "install", *options, *what)


def ourselves(extra: str = "") -> str:
    """Return what to tell pip so that another environment gets the commdoc that this one has."""
    origin = _origin()
    place = Path(unquote(urlsplit(origin.get("url", "")).path))
    local = origin.get("url", "").startswith("file:") and place.exists()
    return f"{place if local else 'commdoc'}{f'[{extra}]' if extra else ''}"


def is_editable() -> bool:
    """Tell whether this environment has commdoc from a checkout."""
    return bool(_origin().get("dir_info", {}).get("editable"))


def _origin() -> dict[str, Any]:
    try:
        text = metadata.distribution("commdoc").read_text("direct_url.json")
        origin: dict[str, Any] = json.loads(text or "{}")
    except metadata.PackageNotFoundError:  # in the import path only
        folder = Path(commdoc.__file__).parents[1]
        return {"url": folder.as_uri()} if (folder / "pyproject.toml").exists() else {}
    except ValueError:
        return {}
    return origin


def unmet(requires: list[str], versions: dict[str, str | None], extra: str = "") -> list[Requirement]:
    """Return which of a package's requirements an environment doesn't meet.

    Parameters
    ----------
    requires : list of str
        As the package's metadata has them.
    versions : dict
        Of what is installed, None for what isn't.
    extra : str
        Only those of this extra.
    """
    missed = []
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if always == bool(extra) or not (marker is None or marker.evaluate({"extra": extra})):
            continue
        version = versions.get(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            missed.append(requirement)
    return missed


def described(missed: list[Requirement], versions: dict[str, str | None]) -> str:
    """Return in words what is not met."""
    return ", ".join(
        f"{each.name} {versions.get(each.name) or 'is not there'} (needs {each.specifier})" for each in missed
    )


def plain(missed: list[Requirement]) -> list[str]:
    """Return it for pip."""
    return [f"{each.name}{each.specifier}" for each in missed]


def own_requires() -> list[str]:
    """Return the requirements of this commdoc; [] where it is not installed but in the import path."""
    try:
        return metadata.requires("commdoc") or []
    except metadata.PackageNotFoundError:
        return []


def own_python() -> str:
    """Return which versions of Python this commdoc is for; "" where it is not installed."""
    try:
        return metadata.metadata("commdoc")["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        return ""


def version_of(name: str) -> str | None:
    """Return the version of a package of this environment."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def here(*words: str) -> str:
    """Return a command of this environment's Python."""
    return command(sys.executable, "-m", *words)

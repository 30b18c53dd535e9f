"""The kernels that can be started, and what the environment of each has."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

from packaging.specifiers import SpecifierSet

from commdoc.cli.doctor.asking import ELSEWHERE, Environment, ProbeError, Seen, probe
from commdoc.cli.doctor.finding import (
    About,
    Finding,
    State,
    command,
    described,
    here,
    install,
    ourselves,
    own_python,
    own_requires,
    plain,
    unmet,
)

GROUP: Final = "kernels"
WIDGET_LIBRARIES: Final = ("ipywidgets", "anywidget")
"""Optional for commdoc; its tests run with them, so the extra of the demo has their oldest version."""

AT_ONCE: Final = 4


@dataclass(frozen=True)
class Spec:
    """A kernelspec, and who starts it.

    Attributes
    ----------
    remote : str or None
        Whose it is, when what is on this machine says nothing of it.
    server : Seen or None
        That offers it; None: this environment.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    language: str = "python"
    provisioner: str | None = None
    remote: str | None = None
    server: Seen | None = None

    @property
    def python(self) -> str | None:
        """The interpreter; None when another program starts it (conda, a container)."""
        first = self.argv[0] if self.argv else ""
        if not Path(first).name.lower().startswith(("python", "pypy")):
            return None
        if os.sep not in first:  # jupyter_client takes that of who starts it
            return self.server.python if self.server is not None else sys.executable
        return first


def all_specs(seen: Sequence[Seen]) -> list[Spec]:
    """Return those that the running servers offer, else those of this environment."""
    offered = [each for each in seen if each.kernelspecs]
    found = [
        _spec(name, spec["spec"], server) for server in offered for name, spec in server.kernelspecs.items()
    ]
    if not found:
        from jupyter_client.kernelspec import KernelSpecManager

        found = [
            _spec(name, spec["spec"], None) for name, spec in KernelSpecManager().get_all_specs().items()
        ]
    known: dict[tuple[Any, ...], Spec] = {}
    for each in found:
        known.setdefault((each.name, each.python, tuple(each.argv), each.remote), each)
    return list(known.values())


def _spec(name: str, content: dict[str, Any], server: Seen | None) -> Spec:
    provisioner = (content.get("metadata") or {}).get("kernel_provisioner") or {}
    return Spec(
        name=name,
        argv=list(content.get("argv") or []),
        env={
            key: Template(str(value)).safe_substitute(os.environ)
            for key, value in (content.get("env") or {}).items()
        },
        language=str(content.get("language") or "").lower(),
        provisioner=provisioner.get("provisioner_name"),
        remote=_elsewhere(server),
        server=server,
    )


def _elsewhere(server: Seen | None) -> str | None:
    if server is None:
        return None
    if server.gateway:
        return "at a gateway"
    return "where its server does" if server.server.pid == ELSEWHERE else None


def look(specs: Sequence[Spec], servers: Sequence[Seen], asked: str | None) -> Iterator[Finding]:
    """Look at each Python kernel.

    Parameters
    ----------
    asked : str or None
        Only this one, which must have commdoc.
    """
    chosen = [each for each in specs if (each.name == asked if asked else each.language == "python")]
    if not chosen:
        there = ", ".join(sorted({each.name for each in specs})) or "none"
        found = f"there is none of this name; there are: {there}" if asked else "there is no Python kernel"
        run = here("ipykernel", "install", "--sys-prefix", *(("--name", asked) if asked else ()))
        yield About(GROUP, "kernel", asked or "kernels").problem(found, run)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        probed = list(pool.map(_probed, chosen))
    nowhere = not any(isinstance(each, Environment) and each.version is not None for each in probed)
    for spec, result in zip(chosen, probed, strict=True):
        if isinstance(result, Finding):
            yield result
        elif result.version is None:
            autoload = _autoload(spec, result)
            yield _without(spec, result, "problem" if asked or nowhere or autoload else "hint")
        else:
            yield _with(spec, result, servers)


def _probed(spec: Spec) -> Environment | Finding:
    about = About(GROUP, "kernel", spec.name)
    there = ("commdoc doctor",)
    if spec.language != "python":
        return about.problem("is no Python kernel: commdoc mirrors those")
    if spec.remote:
        return about.hint(f"runs {spec.remote}: not to be looked at from here", *there, then="where it runs")
    if spec.provisioner not in (None, "local-provisioner"):
        return about.hint(f"started by {spec.provisioner}: not to be looked at", *there, then="where it runs")
    if spec.python is None:
        found = f"started by {spec.argv[0] if spec.argv else 'nothing'}: not to be looked at from here"
        return about.hint(found, *there, then="in its environment")
    try:
        return probe(spec.python, spec.env)
    except ProbeError as error:
        if not Path(spec.python).exists():
            return about.hint(str(error), command("jupyter", "kernelspec", "remove", spec.name))
        return about.problem(str(error), command(spec.python, "-c", "import IPython"), then="says more")


def _without(spec: Spec, environment: Environment, state: State) -> Finding:
    about = About(GROUP, "kernel", spec.name)
    assert spec.python is not None
    if environment.error is not None:
        run = install(spec.python, ourselves(), options=("--upgrade", "--force-reinstall"))
        return about.problem(f"commdoc can't be imported: {environment.error:.200}", run)
    if not _is_new_enough(environment):
        found = f"Python {environment.python} in {environment.prefix} is too old for commdoc"
        return about.say(state, found, then="make its environment anew")
    run = install(spec.python, ourselves())
    loads = ", though its configuration loads it" if _autoload(spec, environment) else ""
    return about.say(state, f"no commdoc in {environment.prefix}{loads}", run)


def _is_new_enough(environment: Environment) -> bool:
    return SpecifierSet(own_python()).contains(environment.python, prereleases=True)


def _with(spec: Spec, environment: Environment, servers: Sequence[Seen]) -> Finding:
    about = About(GROUP, "kernel", spec.name)
    assert spec.python is not None
    missed = unmet(environment.requires, environment.versions)
    if missed:
        run = install(spec.python, *plain(missed), options=("--upgrade",))
        found = f"commdoc {environment.version}, but {described(missed, environment.versions)}"
        return about.problem(found, run, then="then restart the kernels")
    for server in servers:
        if (found_ := _apart(spec, environment, server)) is not None:
            return found_
    requires = environment.requires or own_requires()
    old = [
        each
        for each in unmet(requires, environment.versions, "demo")
        if each.name in WIDGET_LIBRARIES and environment.versions.get(each.name) is not None
    ]
    if old:
        run = install(spec.python, *plain(old), options=("--upgrade",))
        return about.hint(described(old, environment.versions), run, then="then restart the kernels")
    versions = [f"commdoc {environment.version}"] + [
        f"{name} {version}"
        for name in ("ipykernel", *WIDGET_LIBRARIES)
        if (version := environment.versions.get(name)) is not None
    ]
    how = "loads by itself" if _autoload(spec, environment) else "loaded by %load_ext commdoc"
    return about.ok(f"{', '.join(versions)}; {how}")


def _apart(spec: Spec, environment: Environment, server: Seen) -> Finding | None:
    """Tell whether kernel and server have no protocol in common; the older side is to be upgraded."""
    ours, theirs = environment.span, server.span
    if ours is None or theirs is None or (ours[0] <= theirs[1] and theirs[0] <= ours[1]):
        return None
    about = About(GROUP, "kernel", spec.name)
    found = (
        f"commdoc {environment.version} (protocol {ours[0]} to {ours[1]}) and {server.version} of {server.base} "
        f"({theirs[0]} to {theirs[1]}) don't understand each other"
    )
    python, then = (
        (spec.python, "then restart the kernels")
        if ours < theirs
        else (server.python, "then restart the server")
    )
    what = ourselves() if ours < theirs else ourselves("server")
    upgrade = f"pip install --upgrade {command(what)}"
    run = install(python, what, options=("--upgrade",)) if python is not None else upgrade
    return about.problem(found, run, then=then)


def _autoload(spec: Spec, environment: Environment) -> bool:
    """Tell whether each such kernel loads commdoc: by IPython's configuration or its own command line."""
    return "commdoc" in environment.extensions or any(
        word.startswith("-") and word.endswith("commdoc") for word in spec.argv
    )

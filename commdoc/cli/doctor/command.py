"""``commdoc doctor``: what of commdoc is where on this machine, and what to run when it is not as it should be.

Everything that is said was read just now: from this environment, from the running servers (asked as a kernel asks
them), from the interpreters of the kernels, from the runtime folder. Nothing is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from commdoc.cli.common import echo_json, json_option
from commdoc.cli.doctor import jupyter_servers, kernelspecs, this_environment, this_user
from commdoc.cli.doctor.asking import ELSEWHERE, Seen, look_at
from commdoc.cli.doctor.finding import Finding, State
from commdoc.kernel.discovery import Server, bases, servers, without_token
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from commdoc.version import __version__

EPILOG: Final = """\b
Exit code 0: nothing has to be done (hints are no more than that); 1: something has to.

\b
Examples:
  commdoc doctor                        this environment, the running servers, the kernels, this user
  commdoc doctor analysis.ipynb         and: has this notebook's kernel commdoc, and the right room?
  commdoc doctor --kernel ml --json     one kernel, which must have commdoc; for a script
  commdoc doctor --url 'http://host:8888/?token=…'    a server that is not found by itself
"""

STYLES: Final[dict[State, str]] = {"ok": "green", "hint": "yellow", "problem": "bold red"}
WIDEST: Final = 32
"""Characters of the column that names the things."""


@click.command(epilog=EPILOG)
@click.argument("notebook", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kernel", help="Only this kernel; it must have commdoc.")
@click.option("--url", help="Only this Jupyter server: its address with the token, as it prints it.")
@json_option()
def doctor(*, notebook: Path | None, kernel: str | None, url: str | None, as_json: bool) -> None:
    """Find out why widgets don't come, and say what to run.

    Looks at the environment in which it runs, at the running Jupyter servers, at the kernels that they offer and at
    the runtime folder. Changes nothing.
    """
    kernel = kernel or (_kernel_of(notebook) if notebook is not None else None)
    found = _quietly(lambda: list(_look(notebook, kernel, url)), as_json=as_json)
    fine = not any(each.state == "problem" for each in found)
    if as_json:
        echo_json(
            {
                "version": __version__,
                "protocol": [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION],
                "python": sys.executable,
                "fine": fine,
                "findings": [each.to_dict() for each in found],
            }
        )
    else:
        _print(found)
    sys.exit(0 if fine else 1)


def _look(notebook: Path | None, kernel: str | None, url: str | None) -> Iterator[Finding]:
    environment = list(this_environment.look())
    yield from environment
    seen = [_named(url)] if url is not None else [look_at(each) for each in servers(0)]
    extension = next(each for each in environment if each.check == "server-extension")
    yield from jupyter_servers.look(seen, extension)
    yield from jupyter_servers.notebooks(seen, notebook)
    yield from kernelspecs.look(kernelspecs.all_specs(seen), seen, kernel)
    yield from this_user.look()


def _named(link: str) -> Seen:
    """Return the server behind a link, which may be to one of its pages."""
    url, token = without_token(link)
    if not link.startswith(("http://", "https://")):
        raise click.BadParameter("it begins with http:// or https://", param_hint="--url")
    pids = {each.url.rstrip("/") + "/": each.pid for each in servers(0)}
    seen = [look_at(Server(address, token, pids.get(address, ELSEWHERE))) for address in bases(url)]
    return next((each for each in seen if each.loaded), seen[-1])


def _kernel_of(notebook: Path) -> str | None:
    """Return the name of a notebook's kernel, None when it has none yet."""
    try:
        content: Any = json.loads(notebook.read_text(encoding="utf-8"))
        name = content["metadata"].get("kernelspec", {}).get("name")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise click.BadParameter(f"{notebook} is no notebook: {error}", param_hint="NOTEBOOK") from error
    return None if name is None else str(name)


# --- what a person sees ----------------------------------------------------------------------------------------------


def _quietly(work: Callable[[], list[Finding]], *, as_json: bool) -> list[Finding]:
    """Do the work, and say on a terminal that it is being done."""
    from rich.console import Console

    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        return work()
    with console.status("looking …"):
        return work()


def _print(found: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    widest = min(max(len(each.about) for each in found), WIDEST)
    for group, members in groupby(found, key=lambda each: each.group):
        title = f"{group}  {sys.prefix}" if group == "this environment" else group
        console.print(Text(title, style="bold"), soft_wrap=True)
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(min_width=len(" problem"), no_wrap=True)
        table.add_column(min_width=widest, max_width=widest, overflow="fold")
        table.add_column(overflow="fold")
        for each in members:
            style = STYLES[each.state]
            words = Text(each.found, style="" if each.state == "ok" else style)
            table.add_row(Text(f" {each.state}", style=style), Text(each.about), words)
        console.print(table)
    for state, title in (("problem", "to do"), ("hint", "perhaps")):
        todo = [each for each in found if each.state == state and (each.run or each.then)]
        if todo:
            console.print(Text(f"\n{title}", style=STYLES[todo[0].state]))
        for what, run, then in _merged(todo):
            console.print(Text(f" {what}"), soft_wrap=True)
            for command in run:
                console.print(
                    Text(f"   {command}", style="bold"), soft_wrap=True
                )  # to be copied: never broken
            if then:
                console.print(Text(f"   {then}", style="dim"), soft_wrap=True)
    console.print(Text(f"\n{_counted(found)}", style="bold"))


def _merged(todo: Sequence[Finding]) -> list[tuple[str, tuple[str, ...], str]]:
    """Return each thing to do once, with all that it is for."""
    things: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for each in todo:
        things.setdefault((each.run, each.then), []).append(each.about)
    return [(", ".join(dict.fromkeys(about)), run, then) for (run, then), about in things.items()]


def _counted(found: Sequence[Finding]) -> str:
    states = [each.state for each in found]
    problems, hints = states.count("problem"), states.count("hint")
    if not problems and not hints:
        return "all is well"
    count = [
        f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((problems, "problem"), (hints, "hint")) if n
    ]
    return f"{', '.join(count)}{'' if problems else ': nothing has to be done'}"

"""``commdoc completion``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from commdoc.cli.common import echo_json, json_option

SHELLS: Final = ("bash", "zsh", "fish")

FILES: Final = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/commdoc.fish"}
"""Where each shell reads it."""

EPILOG: Final = """\b
Examples:
  commdoc completion                      for the shell that SHELL names
  commdoc completion bash >> ~/.bashrc
  commdoc completion zsh >> ~/.zshrc
  commdoc completion fish > ~/.config/fish/completions/commdoc.fish
"""


@click.command(epilog=EPILOG, short_help="Print what makes a shell complete commdoc.")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@json_option()
def completion(*, shell: str | None, as_json: bool) -> None:
    """Print what makes a shell complete commands, options, and the ids of rooms and comms that there are."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError(f"which shell? One of {', '.join(SHELLS)}")
    made = get_completion_class(name)
    assert made is not None
    command = click.get_current_context().find_root().command
    source = made(command, {}, "commdoc", "_COMMDOC_COMPLETE").source_vars()
    script = made.source_template % source
    if as_json:
        echo_json({"shell": name, "file": FILES[name], "script": script})
    else:
        click.echo(script)

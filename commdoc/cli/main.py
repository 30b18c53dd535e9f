"""The command ``commdoc``: each subcommand is imported when it is asked for.

Exit codes: 0 fine, 1 a difference or a failure, 2 wrong usage.

To add a command: a module `commdoc/cli/<name>.py` with a click command of that name, with `--json`
(`commdoc.cli.common.json_option`) and an epilog with an example, and one line in `COMMANDS`. Tables are made by
`commdoc.cli.terminal`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from commdoc.errors import CommdocError
from commdoc.version import __version__

COMMANDS: Final = {
    "completion": "commdoc.cli.completion:completion",
    "demo": "commdoc.cli.demo:demo",
    "doctor": "commdoc.cli.doctor.command:doctor",
    "export": "commdoc.cli.export:export_command",
    "rooms": "commdoc.cli.rooms:rooms",
    "settings": "commdoc.cli.settings:settings",
    "show": "commdoc.cli.show:show",
    "verify": "commdoc.cli.verify:verify",
    "watch": "commdoc.cli.watch:watch",
}

EPILOG: Final = """\b
Examples:
  commdoc rooms                   what there is
  commdoc show 3f2a               the comms of the room whose id begins so
  commdoc verify --json           the newest room, for a script
"""


class Commands(click.Group):
    """The subcommands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run one; what commdoc can't do is said in one line, without a traceback."""
        try:
            return super().invoke(ctx)
        except (CommdocError, TimeoutError) as error:
            raise click.ClickException(str(error)) from error


@click.command(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="commdoc")
def main() -> None:
    """Jupyter widgets in the notebook document: look into the rooms of this user."""


if __name__ == "__main__":
    main()

"""Runs cells as nbclient does, and prints the states of the widgets as nbclient computed them: `python -m …`.

A process of its own: nbclient waits in an event loop, and so does the driver of the browser.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

TIMEOUT = 60


class AwakeOutputWidget(OutputWidget):
    """nbclient's own, and its client goes on listening.

    It sends on the very socket on which its client awaits the cell's reply, past the event loop; a reply that has come
    meanwhile is noticed only when the cell's time is up (seen in one of ten runs on a busy machine).
    """

    def _publish_msg(self, *args: Any, **kwargs: Any) -> None:
        super()._publish_msg(*args, **kwargs)
        self.kernel_client.shell_channel.socket._schedule_remaining_events()


def main() -> None:
    """Read the cells from stdin; print comm id to state, in the order in which the comms were opened."""
    cells = [nbformat.v4.new_code_cell(source) for source in json.load(sys.stdin)]
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells), kernel_name="python3", timeout=TIMEOUT, allow_errors=True
    )
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = AwakeOutputWidget
    client.execute()
    json.dump(client.widget_state, sys.stdout)


if __name__ == "__main__":
    main()

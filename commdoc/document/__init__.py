"""The comms map of a notebook document, over pycrdt: one writer, any number of readers, no I/O.

`CommsLog` writes the root ``comms``, `CommsMap` reads it. ``docs/schema.md`` tells what stands there,
``docs/decisions/0001-one-log.md`` why.
"""

from __future__ import annotations

from commdoc.document.comm import Comm
from commdoc.document.comms_map import Change, CommsMap
from commdoc.document.elements import ROOT
from commdoc.document.log import CommsLog
from commdoc.document.output_list import Edit
from commdoc.document.records import Entry

__all__ = ["ROOT", "Change", "Comm", "CommsLog", "CommsMap", "Edit", "Entry"]

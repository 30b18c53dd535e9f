"""``commdoc doctor``: `command` asks the modules that look at things; each yields what it found (`finding`)."""

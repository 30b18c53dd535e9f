"""The Jupyter server as a host of rooms: an extension in its process, behind its authentication and authorization.

`commdoc.server.jupyter.app` is the extension; nothing is loaded before a Jupyter server asks for it.
"""

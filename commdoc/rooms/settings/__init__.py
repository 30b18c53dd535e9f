"""The settings of a user: a document that rooms' hosts share, and its JSON mirror."""

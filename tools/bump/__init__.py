"""``make bump``: to another published core, every place at once."""

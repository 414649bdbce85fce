"""``make bump``: move every place at once to another published core."""

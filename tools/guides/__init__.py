"""``make guides``: follow each guide in docs/ to the letter, in a fresh container."""

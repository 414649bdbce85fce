"""``make guides``: follow each guide of docs/ to the letter, in a fresh container."""

"""Pages of docs/ as tests read them."""

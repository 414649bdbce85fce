"""Programs and processes that tests start or look at."""

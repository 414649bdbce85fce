"""What the archives weigh."""

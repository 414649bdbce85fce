"""What every benchmark is built from: contenders, rounds, comparisons, the report."""

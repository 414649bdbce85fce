"""What builds and users have recorded: gathered, compared, drawn, summed up."""

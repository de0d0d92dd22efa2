"""What an administrator does by hand: one module for each group of commands."""

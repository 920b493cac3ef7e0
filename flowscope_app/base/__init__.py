"""What every room may use: errors, paths, formatting, logging."""

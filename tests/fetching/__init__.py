"""fetch in a worker held against fetch in a plain Node."""

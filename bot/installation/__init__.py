"""The checks, backups and restores of an installation."""

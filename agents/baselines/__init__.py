"""The named contenders of every domain, one table each."""

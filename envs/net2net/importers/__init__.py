"""Readers of tables that others published."""

"""The truth about work and facts: shared values, tables, queries, the audit chain."""

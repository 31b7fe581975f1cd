"""The contract with the National Public Service Portal."""

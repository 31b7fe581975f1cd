"""The index that finds documents again, and the reuse rules that say what need not be brought."""

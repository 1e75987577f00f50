"""Studies of the stored market, and what turns them into pages."""

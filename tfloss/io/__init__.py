"""Files that are written whole, checked and locked."""

"""Units, errors, random streams, balance sheet, progress and provenance."""

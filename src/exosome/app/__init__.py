"""Command line, report and figures. No science."""

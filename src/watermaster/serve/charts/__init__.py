"""Charts as SVG text: one renderer for page, report and mail. No chart computes a figure."""

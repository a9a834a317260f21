"""Speed, measured as ratios taken in one run, side by side; the median of three. ``make bench`` writes RESULTS.md."""

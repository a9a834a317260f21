"""Speed: ours against theirs, side by side in one run, the median of three. ``make bench`` writes RESULTS.md."""

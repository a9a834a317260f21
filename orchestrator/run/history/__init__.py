"""Records of past runs: journal, reports, approvals."""

"""Pull requests on a code host: comments, checks, issues, and which of them plan the same units."""

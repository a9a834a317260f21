"""Commands that people write as comments on a pull request: what they say, and whether orch may do it."""

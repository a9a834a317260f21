"""The embedded AWS for trying and testing: moto's server in a process of its own, corrected where it differs."""

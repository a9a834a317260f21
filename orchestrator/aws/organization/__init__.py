"""AWS Organizations: the accounts of an organization, their creation and their place in it."""

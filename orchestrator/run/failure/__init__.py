"""What a failed command of Terraform means in ``live/``, and what to do there."""

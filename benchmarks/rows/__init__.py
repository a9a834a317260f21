"""What is measured: a module for each row, or for rows that share what they are measured on."""

"""Plans of real Terraform, read in the twin's words, saved and applied."""

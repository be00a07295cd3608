"""What the hooks of agents ask for, one module for each kind of answer."""

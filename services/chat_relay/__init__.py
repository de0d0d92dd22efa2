"""The chat between visitors and operators. Keeps no contact: every turn is stored by the intake service first."""

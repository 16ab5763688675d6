"""What a role would send and what that costs, before anything is signed."""

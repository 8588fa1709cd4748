"""The line and its voices as processes of their own, and the side of it that a front end has."""

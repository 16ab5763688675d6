"""What honesty, lies and checking earn under a task's terms: closed forms, and a seeded simulation beside them."""

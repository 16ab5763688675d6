"""Pages for a browser wallet: create and follow a task, submit evidence. Static files, on this machine or any host."""

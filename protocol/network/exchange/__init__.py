"""Who asks whom for what: a file's leaves from many peers at once, each passed on as soon as it is verified.

`scheduler`, `publisher`, `contacts` and `slots` decide and are pure: clock readings and randomness are arguments.
`messages` is what peers tell each other of their holdings, `channel` and `engine` act.
"""

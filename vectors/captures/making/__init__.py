"""What is made, in order."""

CASES = []


def case(name, what, tools, rules, notes=(), fewest=None):
    """A capture that the function makes while it is recorded. What it returns is kept to
    the end; a function chooses among the frames."""
    def add(function):
        CASES.append((name, what, tools, rules, {"notes": notes, "fewest": fewest or {}}, function))
        return function
    return add

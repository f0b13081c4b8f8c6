"""What is made, in order."""

CASES = []


def case(name, what, tools, rules, notes=(), fewest=None, weak=None, suffix="pcap"):
    """A capture that the function makes while it is recorded. What it returns is kept to
    the end; a function chooses among the frames."""
    def add(function):
        CASES.append((name, what, tools, rules, {"notes": notes, "fewest": fewest or {}, "weak": weak, "suffix": suffix}, function))
        return function
    return add

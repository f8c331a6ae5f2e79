"""The generator that tests in C++ repeat, so that only results are stored."""


class Generator:
    """Knuth's MMIX generator; the high 31 bits."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % count

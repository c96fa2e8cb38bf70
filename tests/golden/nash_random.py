# SPDX-License-Identifier: Apache-2.0
"""nash's random numbers in Python, for golden values of what draws some: include/nash/core/random.hpp says what they are."""

import math


def philox4x32(counter, key):
    """Salmon et al. 2011, section 3.3, in Python's own integers."""
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [b >> 32 ^ counter[1] ^ key[0], b % 2**32, a >> 32 ^ counter[3] ^ key[1], a % 2**32]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return counter


class RandomStream:
    """Numbers by their position, and streams for other purposes by child()."""

    def __init__(self, seed, stream=0):
        self.seed, self.stream = seed, stream

    def child(self, purpose):
        words = philox4x32([*_halves(purpose), *_halves(self.stream)], [0x6E617368, 0x6368696C])
        return RandomStream(self.seed, words[0] | words[1] << 32)

    def uniform(self, position):
        return (self._block(position)[position % 4] + 0.5) / 2**32

    def normal(self, position):
        """Box and Muller 1958: a pair of words gives a pair of normals."""
        first = position % 4 // 2 * 2
        a, b = ((word + 0.5) / 2**32 for word in self._block(position)[first : first + 2])
        turn = math.sin if position % 2 else math.cos
        return math.sqrt(-2 * math.log(a)) * turn(2 * math.pi * b)

    def _block(self, position):
        return philox4x32([*_halves(position // 4), *_halves(self.stream)], _halves(self.seed))


def _halves(word):
    return [word % 2**32, word >> 32]

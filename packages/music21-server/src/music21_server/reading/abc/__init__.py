"""Reader of ABC: tune, lines, tokens, keys and meters, voices, columns.

Follows the ABC standard 2.1 (abcnotation.com, December 2011) and the common practice of tune books.
"""

"""Reader of Humdrum: spines, their paths, kern tokens, columns.

Follows the Humdrum User Guide and the reference of **kern (D. Huron, humdrum.org).
"""

"""What asv measures at each commit; benchmarks/asv/README.md has the house rules.

The suites run in the environment of a commit, which may be older than what they measure. So modules
import nothing but the standard library at their top, and `setup` raises NotImplementedError (shown as
n/a) when the commit has no such thing yet.
"""

"""Benchmark suites that asv runs at each commit; benchmarks/asv/README.md has the rules.

The suites run in the environment of a commit, which may be older than the code that they measure. So modules
import only the standard library at their top, and `setup` raises NotImplementedError (shown as n/a) if the
commit lacks that code.
"""

"""Algorithms without any music in them: Viterbi paths, rolling hashes, pairs within groups."""

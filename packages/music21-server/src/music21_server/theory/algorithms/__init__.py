"""Algorithms that know nothing of music: Viterbi paths, rolling hashes, pairs within groups."""

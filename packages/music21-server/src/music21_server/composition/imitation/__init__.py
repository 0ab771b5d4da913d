"""New music in the style of given works.

Works are cut into beats, each with all its voices; a beat may be followed by the beat that follows it in its
work, or by any other of the same place in the bar whose first chord is the one that follows there, where the
voices get from one to the other as voices do. Of all ways through these beats that have the length asked
for, begin as works begin and end as works end, one is drawn with its probability.

Sources: Cope, *Experiments in Musical Intelligence* (1996), for works recombined from beats that lead to
the same chord; Conklin & Witten, "Multiple viewpoint systems for music prediction" (*Journal of New Music
Research* 24, 1995), for matching notes in some of their aspects; Pachet, Roy & Barbieri, "Finite-length
Markov processes with constraints" (IJCAI 2011), for drawing exactly under constraints, by messages from the
end; Papadopoulos, Roy & Pachet, "Avoiding plagiarism in Markov sequence generation" (AAAI 2014), for the
bound on what may be quoted. Beats that have been taken already, and those that would quote too much, are left
out while drawing, which the messages do not foresee: so far the probabilities are not exact.

`pieces` cuts, `transitions` says what may follow what, `walks` draws, `quotation` and `likeness` judge,
`notation` writes, `styles` knows the works of music21's corpus,
`imitate` puts it together, `making` is what the tool asks a process for.
"""

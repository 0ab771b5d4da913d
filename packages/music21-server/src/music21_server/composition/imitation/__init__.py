"""Composes new music in the style of given works.

Works are cut into beats, each with all its voices. A beat may be followed by its successor in the work, or by
any other beat at the same place in the bar whose first chord is that of the successor, if the voice leading
between them is acceptable. One of all walks through these beats that have the requested length, begin as
works begin and end as works end is drawn according to its probability.

Sources: Cope, *Experiments in Musical Intelligence* (1996), for recombining beats that lead to the same
chord; Conklin & Witten, "Multiple viewpoint systems for music prediction" (*Journal of New Music Research*
24, 1995), for matching notes in some of their aspects; Pachet, Roy & Barbieri, "Finite-length Markov
processes with constraints" (IJCAI 2011), for exact sampling under constraints by backward messages;
Papadopoulos, Roy & Pachet, "Avoiding plagiarism in Markov sequence generation" (AAAI 2014), for the limit on
quotations. Beats that would quote too much are excluded while drawing, and reused beats are less likely. The
messages do not account for either, so the probabilities are not exact.

`pieces` cuts works into beats, `transitions` connects the beats, `walks` draws a walk, `quotation` and
`similarity` evaluate the result, `notation` writes it, `styles` selects works from music21's corpus,
`imitate` combines these steps, and `generation` runs them for the tool.
"""

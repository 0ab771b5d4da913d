from music21_server.synthetic_scores.player_line import nearest, steps_in_range


def test_steps_in_range_and_the_nearest_of_them():
    assert steps_in_range((0, 2, 4), 28, 36) == (28, 30, 32, 35)
    assert steps_in_range((1,), 28, 28) == (28,)
    assert [nearest((28, 30, 32, 35), target) for target in (1, 28, 29, 33, 34, 90)] == [
        28,
        28,
        30,
        32,
        35,
        35,
    ]

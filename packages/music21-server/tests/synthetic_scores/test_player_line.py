from music21_server.synthetic_scores.player_line import ladder, nearest


def test_the_nearest_rung_is_found():
    assert ladder((0, 2, 4), 28, 36) == (28, 30, 32, 35)
    assert ladder((1,), 28, 28) == (28,)
    assert [nearest((28, 30, 32, 35), wanted) for wanted in (1, 28, 29, 33, 34, 90)] == [
        28,
        28,
        30,
        32,
        35,
        35,
    ]

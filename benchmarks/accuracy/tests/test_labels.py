import pytest
from labels import label


@pytest.mark.parametrize(
    ("numeral", "mode", "degree", "figure"),
    [
        ("V6/5", "major", "V", "V65"),
        ("V65", "major", "V", "V65"),
        ("V2", "major", "V", "V42"),
        ("ii/o6/5", "minor", "II", "iiø65"),
        ("iiø65", "minor", "II", "iiø65"),
        ("vii/o7", "minor", "VII", "viiø7"),
        ("viio6", "minor", "VII", "viio6"),
        ("#viio7", "minor", "VII", "viio7"),
        ("bVI", "minor", "VI", "VI"),
        ("VI", "minor", "VI", "VI"),
        ("bVII6", "major", "bVII", "bVII6"),
        ("N6", "minor", "bII", "bII6"),
        ("bII6", "minor", "bII", "bII6"),
        ("III+6", "minor", "III", "III+6"),
        ("I6[no1]", "major", "I", "I6"),
        ("I53", "major", "I", "I"),
        ("Cad64", "minor", "I", "i64"),
        ("Ger65", "minor", "augmented sixth", "Ger65"),
        ("", "major", "", ""),
    ],
)
def test_notations_of_different_writers_have_one_label(numeral, mode, degree, figure):
    result = label(numeral, 0, mode)
    assert (result.degree, result.figure, result.is_applied) == (degree, figure, False)


@pytest.mark.parametrize(
    ("numeral", "degree", "figure"),
    [
        ("V6/5/ii", "V", "V65/II"),
        ("V65/ii", "V", "V65/II"),
        ("V/V", "V", "V/V"),
        ("vii/o7/V", "VII", "viiø7/V"),
        ("viio/V", "VII", "viio/V"),
        ("ii/o6/5/V", "II", "iiø65/V"),
    ],
)
def test_applied_chords_have_the_degree_of_their_primary_numeral(numeral, degree, figure):
    result = label(numeral, 7, "major")
    assert (result.degree, result.figure, result.is_applied) == (degree, figure, True)
    assert (result.tonic, result.mode) == (7, "major")


def test_inversions_and_qualities_have_different_figures():
    assert label("I", 0, "major").figure != label("I6", 0, "major").figure
    assert label("i", 0, "minor").figure != label("I", 0, "minor").figure

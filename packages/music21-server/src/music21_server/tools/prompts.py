"""Prompts: instructions for tasks that take several tools, step by step.

Each gives the tools to call, their order and arguments, and how to interpret the results. Tools are written
as calls, such as ``key_analysis(score_id=…)``, so that a test can check names and arguments.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import mcp_types
from fastmcp import FastMCP
from fastmcp.exceptions import PromptError
from fastmcp.prompts import Prompt
from fastmcp.server.completions import CompletionReference

from music21_server.reading.locations import corpus_works
from music21_server.service.score_service import ScoreService
from music21_server.tools.common import owner

FOCUSES: Final = ("everything", "harmony", "form", "part-writing", "melody")
LEVELS: Final[Mapping[str, str]] = {
    "beginner": "primary triads in root position and first inversion, one key, no modulation",
    "intermediate": "all diatonic triads, dominant sevenths with inversions, cadential six-fours",
    "advanced": "applied dominants, a modulation to a near key, suspensions, chromatic chords",
}
SPECIES: Final = ("1", "2", "3", "4", "5")
FUX_CANTUS: Final = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"

_IMPORT: Final = """\
`import_score(source={source})` - unless list_scores() already has a score of that name: then use that
score."""

_POSITIONS: Final = """\
Always cite measures as the tools print them (field `measure` of a `position`; a pick-up is measure 0) and
give the beat. Distinguish results of a tool from your interpretation. If a tool returns an error, make
the change that the error asks for and go on."""


def analyse_score(source: str, focus: str = "everything") -> str:
    """Analyse a piece thoroughly: key, harmony, form, part-writing, motifs, with pictures of key passages.

    Args:
        source: The piece: a work of music21's corpus (`bach/bwv66.6`), the score_id of a stored score, or
            the music itself as text.
        focus: What matters most: everything, harmony, form, part-writing or melody.
    """
    chosen = _choice("focus", focus, FOCUSES)
    return f"""\
Analyse a piece of music for a reader who can read a score. Most important: {chosen}.

Work in this order, and read each answer before the next step:

1. {_IMPORT.format(source=json.dumps(source, ensure_ascii=False))}
2. `score_info(score_id=…)`: parts, ranges, measures, time and key signatures. Note what is unusual.
3. `key_analysis(score_id=…)`: `key` is the best fit of key profiles; `coefficient` (a correlation) and
   the `alternatives` show how clear it is. If `confidence` is small or an alternative is nearly as good,
   do not state the key as a fact: modal and atonal music fits no profile well.
   `key_analysis(score_id=…, algorithm="consensus")` shows how five profiles vote. The local keys are the
   modulations.
4. `harmony_analysis(score_id=…, in_local_keys=true)`: chords without passing notes, `cadences`, harmonic
   `rhythm`, progressions. It is an interpretation: it agrees with human analysts on key and degree about
   70 % of the time in Bach's chorales, less elsewhere. Check the chords that your argument rests on with
   `chord_analysis(score_id=…, limit=200)`, which names every sonority exactly as written.
5. `voice_leading_analysis(score_id=…)`: parallels, direct intervals, crossings, leaps. A finding is a
   fact about the notes, not a fault: parallels between octave doublings, or in styles without this rule,
   mean nothing.
6. `pattern_recognition(score_id=…)`: motifs with their transformations, sequences, contours. For a theme
   that you recognise yourself: `search_pattern(score_id=…, query="C4 D4 E4 F4")` with its first
   notes.
7. `render_score(score_id=…, first_measure="…", last_measure="…")` for two or three passages that
   support your analysis: view the picture before you describe it. For the notes: `export_score(score_id=…,
   format="text", first_measure="…", last_measure="…")`.

Lists come in pages: when `page.next_offset` is not null there is more; ask again with that `offset`.
Counts outside the list always cover the whole score.

{_POSITIONS}

Then write: a short summary; form with measures; keys and cadences; harmony; part-writing; motifs; what
distinguishes this piece. Give most space to {chosen}."""


def compare_scores(first: str, second: str, question: str = "") -> str:
    """Compare two pieces in key, harmony, melody, rhythm and part-writing, by the same figures.

    Args:
        first: One piece: a work of music21's corpus (`bach/bwv66.6`), the score_id of a stored score, or
            the music itself as text.
        second: The other piece, likewise.
        question: Purpose of the comparison; unset: similarities and differences.
    """
    purpose = question.strip() or "How similar are they, how do they differ, and what does that show?"
    return f"""\
Compare two pieces of music. The question: {purpose}

1. {_IMPORT.format(source=json.dumps(first, ensure_ascii=False))} Call its score_id A.
2. {_IMPORT.format(source=json.dumps(second, ensure_ascii=False))} Call its score_id B.
3. For both A and B, with the same arguments, so that the figures can be compared:
   - `score_info(score_id=…)`: size, parts, ranges, metre, tempo.
   - `key_analysis(score_id=…)`: key, its clarity (`coefficient`, `alternatives`), local keys.
   - `harmony_analysis(score_id=…, in_local_keys=true, limit=200)`: `functions`, `cadences`, harmonic
     `rhythm`, `pairs` of chords. Numerals are relative to the key, so pieces in different keys compare
     directly.
   - `chord_analysis(score_id=…, limit=1)` for the counts of sonorities by quality over the whole score.
   - `voice_leading_analysis(score_id=…, limit=1)` for the counts of its findings.
   - `pattern_recognition(score_id=…)`: motifs, rhythms, contours.
4. Is material shared? Take the notes of a theme of A (`export_score(score_id=…, format="text",
   last_measure="8")`) and search B for it: `search_pattern(score_id=…, query="…", compare="steps")`.
   Also search A for a theme of B. Short patterns (four notes or fewer) occur anywhere and show nothing.
5. To see passages side by side although the keys differ: `transpose_score(score_id=…, to_key="…")`
   makes a new score; then `render_score(score_id=…, first_measure="…", last_measure="…")` of both.

Counts grow with length: for pieces of different length compare rates (per measure, per chord), never raw
counts. A difference of a few per cent between two single pieces is not a trait of style. The harmonic
figures are interpretations and are wrong 30 % of the time or more outside chorales; smaller differences
prove nothing.

{_POSITIONS}

Then write a table of the figures side by side, what the pieces share, how they differ, and an answer to
the question that says how certain it is."""


def harmony_exercise(melody: str = "", level: str = "intermediate") -> str:
    """Set a harmony exercise in four parts, let the pupil solve it, correct it, and show a model solution.

    Args:
        melody: The melody: notes (`C4 D4 E4`), tiny notation, or a score_id; unset: a new one.
        level: Level of the pupil: beginner, intermediate or advanced.
    """
    chosen = _choice("level", level, LEVELS)
    notes = melody.strip()
    quoted = json.dumps(notes, ensure_ascii=False)
    begin = (
        f"The melody is {quoted}. Unless it is a score_id in list_scores(), import it: "
        f"`import_score(source={quoted})`."
        if notes
        else 'Make a melody: `imitate_style(composer="bach", measures=8, voices=1, seed=…)`, with any seed; '
        'read it with `export_score(score_id=…, format="text")`. If it is awkward to sing, try another seed.'
    )
    return f"""\
You are a teacher of harmony. Set an exercise in four-part writing, {chosen} level:
{LEVELS[chosen]}.

1. {begin}
2. `key_analysis(score_id=…)`; show the melody with `render_score(score_id=…)`. State the key, the rules
   that apply at this level, and the task. Then stop and wait for the pupil's solution. Do not show a
   solution yet.
3. When the pupil sends a solution, as MusicXML, ABC or text of four voices: `import_score(source=…)`. If its
   melody differs from the exercise, say so first (`search_pattern(score_id=…, query="…")`
   finds the melody in it).
4. Correct it with
   - `voice_leading_analysis(score_id=…)`: parallel and direct fifths and octaves, crossings, overlaps,
     large leaps. These are exact, with measure, beat and the two voices. Whether a direct fifth
     is a fault depends on the level: say which rule you apply.
   - `chord_analysis(score_id=…)`: is each chord complete, is the leading note doubled, what is the
     numeral?
   - `harmony_analysis(score_id=…)`: functions and cadences. It merges passing notes by rule and can be wrong:
     trust chord_analysis if they disagree about the notes.
   For each fault give measure and beat, the reason, and one better version. Then say what is good.
5. Only when the pupil has tried, or asks: `harmonize_melody(score_id=…, style="classical", voices=4)` for
   a model solution with the reason for each chord; show it with `render_score(score_id=…)`. It is one
   of several good solutions: another `seed` gives another. The checks in its answer show whether it keeps
   the rules; report what they list.

{_POSITIONS}"""


def counterpoint_lesson(species: str = "1", cantus: str = "") -> str:
    """Give a lesson in species counterpoint: rules, an exercise on a cantus firmus, correction, a model.

    Args:
        species: Species, 1 to 5.
        cantus: The cantus firmus, such as `D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4`; unset: this one, by Fux.
    """
    chosen = _choice("species", species, SPECIES)
    line = cantus.strip() or FUX_CANTUS
    quoted = json.dumps(line, ensure_ascii=False)
    return f"""\
Give a lesson in species counterpoint: species {chosen}, two voices, over the cantus firmus {line}.

1. Call `generate_counterpoint(cantus={quoted}, species={chosen}, position="above")` and keep its answer
   to yourself: teach its list of rules, each with its source; its `violations` (by measure; none in a
   strict result) show that the cantus has a solution. If the error says that no strict solution exists,
   tell the pupil and use another cantus.
2. Explain the rules of this species in a few sentences, strict rules separate from preferences, and show the
   cantus: `import_score(source={quoted})`, then `render_score(score_id=…)`. Ask for a counterpoint above
   it, one measure per cantus note. Stop and wait.
3. When the pupil sends it, import both voices as one score (`import_score(source=…)`: MusicXML or ABC of
   two parts) and check: `voice_leading_analysis(score_id=…, direct="all")` for parallels and direct
   intervals, `chord_analysis(score_id=…)` for the intervals on each beat. Check leaps, climax and cadence
   yourself against the rules of step 1, and say so.
4. For each fault give the measure, the rule that it breaks, and a correction.
5. Then show the model of step 1 with `render_score(score_id=…)`, and a second one with another
   `seed`, to show that several good answers exist. For more practice: `position="below"`, or the next
   species.

{_POSITIONS}"""


def _choice(argument: str, value: str, choices: Iterable[str]) -> str:
    """Return the normalised value of an argument.

    Raises:
        PromptError: It is not one of the choices.
    """
    choice = value.strip().lower()
    if choice not in choices:
        raise PromptError(
            f"Expected {argument} to be one of {', '.join(choices)}, got {value[:40]!r}.",
            log_level=logging.DEBUG,
        )
    return choice


PROMPTS: Final[tuple[Callable[..., str], ...]] = (
    analyse_score,
    compare_scores,
    harmony_exercise,
    counterpoint_lesson,
)

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "focus": FOCUSES,
    "level": tuple(LEVELS),
    "species": SPECIES,
}
_SCORES: Final = ("source", "first", "second", "melody")
_MAX_COMPLETIONS: Final = 100
"""Limit of the MCP specification for one completion result."""


def add_prompts(mcp: FastMCP[Any], score_service: ScoreService) -> None:
    """Add the prompts, and completion of their arguments: choices, stored scores, works of the corpus."""
    for prompt in PROMPTS:
        mcp.add_prompt(Prompt.from_function(prompt))

    async def complete(
        reference: CompletionReference,
        argument: mcp_types.CompletionArgument,
        context: mcp_types.CompletionContext | None,
    ) -> mcp_types.Completion | None:
        """Return the values of an argument that start with its present text."""
        del context  # values do not depend on other arguments
        prefix = argument.value.strip().lower()
        if isinstance(reference, mcp_types.PromptReference) and argument.name in _CHOICES:
            values = [choice for choice in _CHOICES[argument.name] if choice.startswith(prefix)]
        elif argument.name in (*_SCORES, "score_id"):
            stored = [score.name for score in await score_service.scores(owner())]
            values = [name for name in stored if name.lower().startswith(prefix)]
            if argument.name != "score_id" and prefix:
                values += await asyncio.to_thread(_corpus_works, prefix)
        else:
            return None
        return mcp_types.Completion(
            values=values[:_MAX_COMPLETIONS], total=len(values), has_more=len(values) > _MAX_COMPLETIONS
        )

    mcp.add_completion_handler(complete)


def _corpus_works(prefix: str) -> list[str]:
    """Return the full names of works of the corpus that start with a prefix."""
    return sorted(name for name in corpus_works() if "/" in name and name.startswith(prefix))

"""Forms of a query: as given, transposed, inverted and retrograde."""

from __future__ import annotations

from typing import Final, Literal, get_args

from music21_server.theory.melody.queries import Query, QueryInterval

SearchForm = Literal["as given", "transposed", "inverted", "retrograde", "retrograde inverted"]
SEARCH_FORMS: Final[tuple[SearchForm, ...]] = get_args(SearchForm)


def in_form(query: Query, form: SearchForm) -> Query:
    """Return a query in one of the forms."""
    if form in ("as given", "transposed"):
        return query
    is_reversed, is_inverted = "retrograde" in form, "inverted" in form
    # Reversal negates every interval, and inversion negates it again.
    sign = -1 if is_reversed != is_inverted else 1
    order = slice(None, None, -1 if is_reversed else 1)
    rests = query.rests
    if rests is not None and is_reversed:
        # A rest follows its note; in reverse it follows the next one.
        rests = (*rests[-2::-1], rests[-1])
    return Query(
        query.notation,
        None if query.intervals is None else tuple(_signed(each, sign) for each in query.intervals[order]),
        lengths=None if query.lengths is None else query.lengths[order],
        rests=rests,
    )


def _signed(interval: QueryInterval, sign: int) -> QueryInterval:
    steps, cents, direction = (
        None if each is None else sign * each for each in (interval.steps, interval.cents, interval.direction)
    )
    return QueryInterval(steps, cents, direction, interval.any_octave)

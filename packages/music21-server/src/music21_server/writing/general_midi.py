"""General MIDI programs and drum keys for printed instrument names."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final

from music21_server.score.table import Part

_PROGRAMS: Final = (
    # The first line with a key that begins the name, or a word of it, wins; programs are numbered from 0.
    (32, "acoustic-bass jazz-bass"),
    (33, "electric-bass bass-guitar e-bass"),
    (70, "contrabassoon kontrafagott contrafagotto bassoon fagott fagotto basson dulcian"),
    (43, "contrabass kontrabass contrabbasso contrebasse doublebass double-bass string-bass"),
    (71, "clarinet klarinette clarinetto clarinette bassklarinette bass-clarinet"),
    (57, "trombone posaune sackbut bassposaune bass-trombone tromboni"),
    (67, "baritone-sax bariton-sax"), (66, "tenor-sax"), (64, "soprano-sax"), (65, "alto-sax sax"),
    (69, "english-horn cor-anglais corno-inglese englischhorn"),
    (68, "oboe hautbois oboi oboen"),
    (72, "piccolo ottavino pikkolo"),
    (74, "recorder blockflote flauto-dolce flute-a-bec"),
    (73, "flute flote flauto flauti"),
    (60, "horn corno corni cor waldhorn"),
    (56, "trumpet trompete tromba trombe trompette cornet clarino cornett"),
    (58, "tuba bombardon euphonium bariton-horn"),
    (42, "violoncello violoncelli cello celli violoncelle viola-da-gamba gamba"),
    (40, "violin violino violini violine violon geige fiddle"),
    (41, "viola viole viol alto-viola bratsche altviola"),
    (46, "harp harfe arpa harpe"),
    (47, "timpani pauken timbales kettledrum"),
    (6, "harpsichord cembalo clavecin klavizimbel clavicembalo"),
    (19, "organ orgel organo orgue pedal"),
    (21, "accordion akkordeon"),
    (8, "celesta celeste"), (9, "glockenspiel"), (11, "vibraphone vibraphon"), (12, "marimba"),
    (13, "xylophone xylophon"),
    (14, "tubular bells chimes glocken"),
    (24, "guitar gitarre guitare chitarra lute laute liuto theorbo"),
    (25, "steel-guitar"), (27, "electric-guitar"),
    (105, "banjo"), (15, "dulcimer hackbrett"),
    (48, "strings streicher archi"),
    (52, "soprano sopran alto alt tenor bass basso baritone bariton voice voix stimme voce choir chor coro"
         " canto cantus altus quintus superius discant treble mezzo contralto satb singer song vocal"),
    (0, "piano klavier pianoforte fortepiano keyboard clavier"),
)  # fmt: skip

_DRUMS: Final = (
    (36, "bass-drum grosse-trommel gran-cassa grosse-caisse kick"),
    (38, "snare side-drum kleine-trommel tamburo caisse-claire militar"),
    (54, "tambourine tamburin"),
    (81, "triangle triangel triangolo"),
    (52, "tam-tam gong tamtam"),
    (49, "cymbal becken piatti cymbales"),
    (76, "wood-block woodblock temple"),
    (45, "tom"),
    (56, "cowbell"),
    (75, "claves castanet"),
    (39, "clap"),
    (42, "hi-hat hihat"),
)
DEFAULT_DRUM: Final = 38
"""A snare drum."""


def program_of(part: Part) -> int:
    """Return the General MIDI program of a part: the one that its document states, or one for its name."""
    return program(part.name) if part.program is None else part.program


def program(name: str) -> int:
    """Return the General MIDI program, from 0, for an instrument's printed name; a piano by default."""
    return _lookup(name, _PROGRAMS, 0)


def drum(name: str) -> int:
    """Return the key in the General MIDI percussion channel for an instrument's printed name."""
    return _lookup(name, _DRUMS, DEFAULT_DRUM)


@functools.lru_cache(maxsize=1000)
def _lookup(name: str, table: tuple[tuple[int, str], ...], otherwise: int) -> int:
    plain = unicodedata.normalize("NFD", name.casefold().replace("ß", "ss"))
    words = " " + " ".join(re.findall(r"[a-z]+", re.sub(r"[\u0300-\u036f]", "", plain)))
    for number, keys in table:
        if any(" " + key.replace("-", " ") in words for key in keys.split()):
            return number
    return otherwise

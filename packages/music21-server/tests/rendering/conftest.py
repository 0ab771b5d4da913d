"""A small document with most of what an excerpt has to look after."""

from __future__ import annotations

import pytest

_SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
<!-- <part id="none"><measure number="0"></measure></part> -->
<work><work-title>Lied &amp; Klavier</work-title></work>
<identification><creator type="composer">Åse Ørn</creator>
<creator type="lyricist">N. N.</creator></identification>
<defaults><page-layout><page-height>1</page-height><page-width>2</page-width></page-layout></defaults>
<part-list>
<part-group number="1" type="start"><group-symbol>bracket</group-symbol></part-group>
<score-part id="P1"><part-name>Voice</part-name></score-part>
<score-part id="P2"><part-name>Piano</part-name></score-part>
<part-group number="1" type="stop"/>
<score-part id="P3"><part-name>Clarinet</part-name></score-part>
</part-list>
<part id="P1">
<measure number="1"><print new-page="yes"/><attributes><divisions>2</divisions><key><fifths>-3</fifths></key>
<time><beats>3</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration><type>half</type><dot/>
<notations><slur number="1" type="start"/></notations>
<lyric><syllabic>single</syllabic><text>O</text></lyric></note>
</measure>
<measure number="2">
<note><pitch><step>D</step><octave>5</octave></pitch><duration>2</duration><type>quarter</type>
<notations><slur number="1" type="stop"/></notations>
<lyric><syllabic>single</syllabic><text>Welt</text></lyric></note>
<note><pitch><step>E</step><alter>-1</alter><octave>5</octave></pitch><duration>4</duration>
<tie type="start"/><type>half</type>
<notations><tied type="start"/><slur number="1" type="start"/></notations></note>
</measure>
<measure number="3"><attributes><key><fifths>2</fifths></key></attributes>
<note><pitch><step>E</step><alter>-1</alter><octave>5</octave></pitch><duration>6</duration><tie type="stop"/>
<type>half</type><dot/><notations><tied type="stop"/><slur number="1" type="stop"/></notations></note>
</measure>
<measure number="4"><attributes><measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>
<note><rest measure="yes"/><duration>6</duration></note></measure>
<measure number="5"><note><rest measure="yes"/><duration>6</duration></note></measure>
</part>
<part id="P2">
<measure number="1"><attributes><divisions>1</divisions><key><fifths>-3</fifths></key>
<time><beats>3</beats><beat-type>4</beat-type></time><staves>2</staves>
<clef number="1"><sign>G</sign><line>2</line></clef>
<clef number="2"><sign>F</sign><line>4</line></clef></attributes>
<direction><direction-type><wedge number="1" type="crescendo"/></direction-type><staff>1</staff></direction>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>3</duration><voice>1</voice><staff>1</staff></note>
<backup><duration>3</duration></backup>
<note><pitch><step>C</step><octave>3</octave></pitch><duration>3</duration><voice>5</voice><staff>2</staff></note>
</measure>
<measure number="2">
<note><pitch><step>G</step><octave>4</octave></pitch><duration>3</duration><voice>1</voice><staff>1</staff></note>
<direction><direction-type><wedge number="1" type="stop"/></direction-type><staff>1</staff></direction>
<backup><duration>3</duration></backup>
<note><pitch><step>C</step><octave>3</octave></pitch><duration>2</duration><voice>5</voice><staff>2</staff></note>
<attributes><clef number="2"><sign>G</sign><line>2</line></clef></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration><voice>5</voice><staff>2</staff></note>
</measure>
<measure number="3"><attributes><divisions>4</divisions><key><fifths>2</fifths></key></attributes>
<direction><direction-type><dynamics><ff/></dynamics></direction-type><staff>1</staff></direction>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>12</duration><voice>1</voice><staff>1</staff></note>
<backup><duration>12</duration></backup>
<note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch>
<duration>12</duration><voice>5</voice><staff>2</staff></note>
</measure>
<measure number="4">
<note><rest measure="yes"/><duration>12</duration><voice>1</voice><staff>1</staff></note>
<backup><duration>12</duration></backup>
<note><rest measure="yes"/><duration>12</duration><voice>5</voice><staff>2</staff></note>
</measure>
</part>
<part id="P3">
<measure number="1"><attributes><divisions>1</divisions><key><fifths>-1</fifths></key>
<time><beats>3</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef>
<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>
<note><rest measure="yes"/><duration>3</duration></note></measure>
<measure number="2"><harmony><root><root-step>C</root-step></root><kind text="m">minor</kind></harmony>
<note><pitch><step>D</step><octave>4</octave></pitch><duration>3</duration></note></measure>
<measure number="3"><note><rest measure="yes"/><duration>3</duration></note></measure>
</part>
</score-partwise>
"""


@pytest.fixture(scope="session")
def song() -> bytes:
    """A voice, a piano and a clarinet, of five, four and three bars."""
    return _SCORE.encode()

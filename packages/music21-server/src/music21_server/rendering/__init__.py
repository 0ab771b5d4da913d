"""Pictures and PDFs of measures of a score, engraved by Verovio."""

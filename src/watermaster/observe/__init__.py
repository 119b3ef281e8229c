"""One file per source: foreign data in, our tables out."""

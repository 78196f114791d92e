"""Everything that is true of the product wherever it runs: on Lambda, EMR, Glue or a laptop."""

"""Everything that is true of the product on Lambda, EMR, Glue and a laptop."""

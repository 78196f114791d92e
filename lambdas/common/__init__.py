"""The functions' edge: events, environment, documents and errors of AWS. Ships in the layer with the domain."""

"""The phases of the pipeline, one module each, in the order of docs/internals.md."""

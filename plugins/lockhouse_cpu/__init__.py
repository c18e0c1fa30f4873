"""The CPU as an accelerator: always there."""

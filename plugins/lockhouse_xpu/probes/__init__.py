"""Programs that ask the driver, each run alone by a bare interpreter: standard library only, one JSON object out."""

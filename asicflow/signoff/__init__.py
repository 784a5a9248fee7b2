"""Sign-off: gates that read the artefacts of a run, and the report made of their verdicts."""

"""Events to findings: match, correlate, rank; a mergeable :class:`~rabbitlogs.engine.analysis.Analysis`."""

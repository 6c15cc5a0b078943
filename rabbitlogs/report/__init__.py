"""Findings to output: text for people (rich), JSON for tools, Markdown and HTML to pass on."""

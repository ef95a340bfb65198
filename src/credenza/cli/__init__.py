"""The command line `credenza`: the same verbs as over HTTP, at a prompt.

    root      the commands, and what every one of them does when something is wrong
    session   options that say which store, key and workspace; opening them
    output    tables for people, JSON and tab-separated text for programs
    failures  errors as sentences and exit codes

Every other module holds the commands of one noun, and is imported when one of them is called.
"""

from credenza.cli.root import main, root

__all__ = ["main", "root"]

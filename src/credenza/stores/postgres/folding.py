"""Text without its case, as PostgreSQL makes it: by the very table that Python goes by."""

from __future__ import annotations

import sys


def write_function() -> str:
    """Return the statement that makes the function `folded`."""
    letters = map(chr, range(sys.maxunicode + 1))
    table = {letter: folded for letter in letters if (folded := letter.casefold()) != letter}
    ones = {letter: folded for letter, folded in table.items() if len(folded) == 1}
    fews = "\n".join(
        f"value := replace(value, '{letter}', '{folded}');"
        for letter, folded in table.items()
        if len(folded) > 1
    )
    # Not in SQL, which would be put into every query that uses it, as large as it is.
    return f"""
CREATE OR REPLACE FUNCTION folded(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
IF octet_length(value) = length(value) THEN
    RETURN lower(value COLLATE "C");
END IF;
{fews}
RETURN translate(value, '{"".join(ones)}', '{"".join(ones.values())}');
END $$
"""

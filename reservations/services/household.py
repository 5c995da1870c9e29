"""Who shares a household, as the limits on holds count it (CASES B7): the same telephone, or the same home and family name."""

from __future__ import annotations

OF_P = """SELECT id FROM person q WHERE regexp_replace(q.phone, '\\D', '', 'g') = regexp_replace(p.phone, '\\D', '', 'g')
AND length(regexp_replace(p.phone, '\\D', '', 'g')) >= 9
UNION SELECT id FROM person q WHERE p.postal_code <> '' AND p.block <> ''
AND (q.postal_code, q.block, q.town, q.building) = (p.postal_code, p.block, p.town, p.building)
AND split_part(replace(q.name, '　', ' '), ' ', 1) = split_part(replace(p.name, '　', ' '), ' ', 1)"""
"""SQL: the ids of those who share it with the person `p`, who may be among them."""
BY_HAND = "source NOT IN ('series', 'allocation')"
"""SQL: series and lists from a meeting are kept on terms of their own, and do not use up what a person may hold by hand."""
COUNTS = "(accepted_at IS NULL OR pay_when = 'advance')"
"""SQL: a hold that runs counts until its price is accepted, and one that is paid in advance until it is paid."""

"""Records of one shape at once: which rules they fire is decided once, and their subjects are cut out, not parsed.

Records of one shape (:mod:`rabbitlogs.framing.shapes`) differ in digits and quoted text only. So where every field that
a rule's condition looks at stands outside of those, one record's answer is the answer of all; and the fields that are
counted (users, clients, queues) stand between the same words, or in the same pair of quotes, in each of them. Both are
learnt from the first records of a shape and held against what the full expression says of them; where that differs, or
cannot be told from the shape, the records are read with the full expression as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbitlogs.engine.batch import UNCLEAN, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rabbitlogs.engine.batch import BatchPlan
    from rabbitlogs.engine.catalogue import Rule
    from rabbitlogs.parsing.patterns import Capture

_DIGITS = b"0123456789"
_REACH = 16  # characters before and after a field that may tell where it stands


class Shaped:
    """What records of one shape have in common."""

    __slots__ = ("_between", "_quoted", "rules", "types")

    def __init__(self, rules: list[Rule], types: dict[str, Capture]) -> None:
        self.rules, self.types = rules, types
        self._quoted: dict[int, list[tuple[str, int]]] = {}  # line of the record: field, and its place among what quotes cut
        self._between: list[tuple[str, int, bytes, bytes]] = []  # field, line of the record, what stands before and after

    def columns(self, lines: Sequence[bytes], starts: Sequence[int]) -> dict[str, list[bytes]] | None:
        """The fields that are counted, by name, of records that begin at these lines.

        None where a text is not read as it stands: blanks to collapse, odd encodings.
        """
        out: dict[str, list[bytes]] = {}
        for at, fields in self._quoted.items():
            pieces = [lines[start + at].split(b"'") for start in starts]
            for name, place in fields:
                out[name] = [piece[place] for piece in pieces]
        for name, at, before, after in self._between:
            out[name] = [lines[start + at].partition(before)[2].partition(after)[0] for start in starts]
        whole = b"\n".join([text for column in out.values() for text in column])
        return out if whole.isascii() and not UNCLEAN.search(whole) else None

    def place(self, name: str, record: Sequence[bytes], at: int, begin: int, end: int) -> bool:
        """Learns where a field stands in a record: in one of its lines, from one column to another. False where it cannot."""
        line = record[at]
        if line.count(b"'", 0, begin) % 2:
            if line[begin - 1 : begin] != b"'" or line[end : end + 1] != b"'":
                return False
            self._quoted.setdefault(at, []).append((name, line.count(b"'", 0, begin)))
            return True
        if b"'" in line[:end]:
            return False
        head, text = line[:begin].translate(None, _DIGITS), line[begin:end].translate(None, _DIGITS)
        before = next((head[-n:] for n in range(1, _REACH) if head.count(head[-n:]) == 1), b"")
        rest = line[end : end + _REACH]
        after = next((rest[:n] for n in range(1, len(rest) + 1) if (text + rest[:n]).find(rest[:n]) == len(text)), b"")
        if not (line[:begin].endswith(before) and before and after) or after != after.translate(None, _DIGITS) or b"'" in after:
            return False
        self._between.append((name, at, before, after))
        return True


def is_told_by_shape(line: bytes, begin: int, end: int) -> bool:
    """Whether a text in a line is the same in all lines of its shape."""
    text = line[begin:end]
    return b"'" not in text and text == text.translate(None, _DIGITS) and line.count(b"'", 0, begin) % 2 == 0


def learn(
    plan: BatchPlan, count: int, lines: Sequence[bytes], starts: Sequence[int], fire: Callable[[dict[str, object]], list[Rule]],
    columns: dict[str, list[bytes]],
) -> Shaped | None:  # fmt: skip
    """What records of a shape have in common, learnt from some of them; None where the shape does not tell.

    ``columns`` are the fields that the full expression finds in these records.
    """
    record = lines[starts[0] : starts[0] + count]
    spans = plan.spans(record)
    if spans is None:
        return None
    types = plan.types()
    deciding: dict[str, object] = {}
    for name, (at, begin, end) in spans.items():
        if name in plan.conditions:
            if not is_told_by_shape(record[at], begin, end) and any(c[1] != "present" for c, _ in plan.conditions[name]):
                return None
            deciding[name] = value_of(types.get(name), record[at][begin:end])
    shaped = Shaped(fire({name: value for name, value in deciding.items() if value is not None}), types)
    for name in plan.counted(shaped.rules):
        if name in spans and not shaped.place(name, record, *spans[name]):
            return None
    found = shaped.columns(lines, starts)
    if found is None:
        return None
    for name in plan.names:
        expected = columns.get(name)
        if name in found and found[name] != expected:
            return None
        if name not in spans and expected is not None and any(expected):
            return None
    return shaped

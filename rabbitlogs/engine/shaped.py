"""Records of one shape at once: which rules they fire is decided once, and their subjects are cut out, not parsed.

Records of one shape (:mod:`rabbitlogs.framing.shapes`) differ in digits and quoted text only. So where every field that
a rule's condition looks at stands outside of those, one record's answer is the answer of all; and the fields that are
counted (users, clients, queues) stand between the same words, or in the same pair of quotes, in each of them. Both are
learnt from the first records of a shape and held against what the full expression says of them; where that differs, or
cannot be told from the shape, the records are read with the full expression as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbitlogs.engine.batch import is_plain, value_of
from rabbitlogs.engine.matching import holds, rules_out
from rabbitlogs.parsing.fields import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rabbitlogs.engine.batch import BatchPlan
    from rabbitlogs.engine.catalogue import Rule
    from rabbitlogs.parsing.patterns import Capture

    Fire = Callable[[dict[str, Any]], list[Rule]]
    Asked = tuple[str, list[Any], bool]  # field, condition, whether its rule is ours

_DIGITS = b"0123456789"
_ASKED = 64  # conditions that are asked of each record here; more are looked up by value, with the full expression
_REACH = 16  # characters before and after a field that may tell where it stands


class Shaped:
    """What records of one shape have in common."""

    __slots__ = ("_between", "_fire", "_fixed", "_open", "_quoted", "_rules", "types")

    def __init__(self, fire: Fire, fixed: dict[str, Any], open_: list[Asked], types: dict[str, Capture]) -> None:
        self._fire, self._fixed, self._open, self.types = fire, fixed, open_, types
        self._rules: dict[tuple[bool, ...], list[Rule]] = {}  # by the outcomes of the conditions left open
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
            out[name] = [lines[start + at].partition(before)[2] for start in starts]
            if after:
                out[name] = [text.partition(after)[0] for text in out[name]]
        whole = b"\n".join([text for column in out.values() for text in column])
        return out if is_plain(whole) else None

    def groups(self, columns: dict[str, list[bytes]], count: int) -> list[tuple[list[int] | None, list[Rule]]]:
        """The rules that records fire: places among the records (None: all), and rules."""
        if not self._open:
            return [(None, self._fired((), {}))]
        outcomes: list[list[bool]] = []
        joined: dict[str, str] = {}
        for name, condition, trusted in self._open:
            texts = columns.get(name) or [b""] * count
            capture = self.types.get(name)
            if trusted and (capture is None or is_text(capture.type)):
                if name not in joined:
                    joined[name] = b"\n".join(texts).decode()
                if rules_out(condition, joined[name]):
                    outcomes.append([condition[1] == "unlike"] * count)
                    continue
            known = {text: holds(condition, value_of(capture, text), trusted=trusted) for text in set(texts)}
            outcomes.append([known[text] for text in texts])
        keys = list(zip(*outcomes, strict=True))
        out: list[tuple[list[int] | None, list[Rule]]] = []
        distinct = dict.fromkeys(keys)
        for key in distinct:
            first = keys.index(key)
            values = {n: value_of(self.types.get(n), columns[n][first]) for n, _, _ in self._open if n in columns}
            chosen = [at for at, other in enumerate(keys) if other == key] if len(distinct) > 1 else None
            out.append((chosen, self._fired(key, values)))
        return out

    def _fired(self, key: tuple[bool, ...], values: dict[str, Any]) -> list[Rule]:
        rules = self._rules.get(key)
        if rules is None:
            fields = {**self._fixed, **values}
            rules = self._rules[key] = self._fire({name: value for name, value in fields.items() if value is not None})
        return rules

    def place(self, name: str, record: Sequence[bytes], at: int, begin: int, end: int) -> bool:
        """Learns where a field stands in a record: in one of its lines, from one column to another. False where it cannot."""
        line = record[at]
        if line.count(b"'", 0, begin) % 2:
            if line[begin - 1 : begin] != b"'" or line[end : end + 1] != b"'":
                return False
            self._quoted.setdefault(at, []).append((name, line.count(b"'", 0, begin)))
            return True
        to_end = end == len(line)
        if b"'" in line[:begin] or (b"'" in line[begin:end] and not to_end):
            return False
        head, text = line[:begin].translate(None, _DIGITS), line[begin:end].translate(None, _DIGITS)
        before = next((head[-n:] for n in range(1, _REACH) if head.count(head[-n:]) == 1), b"")
        if not before or not line[:begin].endswith(before):
            return False
        after = b""
        if not to_end:
            rest = line[end : end + _REACH]
            after = next((rest[:n] for n in range(1, len(rest) + 1) if (text + rest[:n]).find(rest[:n]) == len(text)), b"")
            if not after or b"'" in after or after != after.translate(None, _DIGITS):
                return False
        self._between.append((name, at, before, after))
        return True


def is_told_by_shape(line: bytes, begin: int, end: int) -> bool:
    """Whether a text in a line is the same in all lines of its shape."""
    text = line[begin:end]
    return b"'" not in text and text == text.translate(None, _DIGITS) and line.count(b"'", 0, begin) % 2 == 0


def learn(
    plan: BatchPlan, level: str, count: int, lines: Sequence[bytes], starts: Sequence[int], fire: Fire,
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
    fixed: dict[str, Any] = {}
    loose = set()  # fields of which only the record itself tells what they say
    for name, (at, begin, end) in spans.items():
        fixed[name] = value_of(types.get(name), record[at][begin:end])
        if not is_told_by_shape(record[at], begin, end):
            loose.add(name)
    asked: list[Asked] = []
    rules = []  # that records of this shape can fire
    for rule, rule_match in plan.pairs:
        if rule_match.levels is not None and level not in rule_match.levels:
            continue
        mine = []
        for condition in rule_match.conditions:
            name = condition[0]
            if name in loose and condition[1] != "present":
                mine.append((name, condition, rule_match.is_ours))
            elif not holds(condition, fixed.get(name), trusted=rule_match.is_ours):
                break
        else:
            asked.extend(mine)
            rules.append(rule)
    if len(asked) > _ASKED:
        return None
    shaped = Shaped(fire, fixed, asked, types)
    for name in plan.counted(rules) | {name for name, _, _ in asked}:
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

"""Staff: what was counted against targets, what was typed, and what belongs to somebody who left."""

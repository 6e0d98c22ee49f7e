"""Care: what an adviser does today, what fits, and whether yesterday's promises were kept."""
